/** What a metric is: its name, its meaning, and where its values are read from when somebody asks. */
import type { Peer } from '../../upstream/peer.js'
import type { PeerCounts } from './peer-counts.js'
import type { Samples } from './samples.js'
import type { UpstreamCounts } from './upstream-counts.js'

export type MetricType = 'counter' | 'gauge' | 'histogram'

/** How values of several processes become one, in prom-client's words (`AggregatorRegistry`). */
type Aggregator = 'sum' | 'first' | 'max'

export interface MetricDefinition {
  /** Without the prefix. */
  readonly name: string
  readonly type: MetricType
  /** The HELP text, and the meaning in docs/metrics.md. */
  readonly help: string
  /** Those behind `upstream`, which all have, and `peer`. */
  readonly labels: readonly string[]
  /** Has a series for each peer. */
  readonly perPeer: boolean
  readonly aggregator: Aggregator
  /** Of one upstream. Labels are given as in {@link labels}. */
  read(counts: UpstreamCounts, samples: Samples): void
}

interface Common {
  readonly labels?: readonly string[]
  readonly aggregator?: Aggregator
}

export function ofUpstream(
  type: MetricType,
  name: string,
  help: string,
  read: (counts: UpstreamCounts, samples: Samples) => void,
  { labels = [], aggregator = 'sum' }: Common = {},
): MetricDefinition {
  return { name, type, help, labels, perPeer: false, aggregator, read }
}

/** `peers`: those that the series stands for; one, as a rule. */
export function ofPeer(
  type: MetricType,
  name: string,
  help: string,
  read: (
    counts: PeerCounts,
    samples: Samples,
    peers: readonly Peer[],
    upstream: UpstreamCounts,
  ) => void,
  { labels = [], aggregator = 'sum' }: Common = {},
): MetricDefinition {
  return {
    name,
    type,
    help,
    labels,
    perPeer: true,
    aggregator,
    read(upstream, samples) {
      for (const [counts, peers] of upstream.peers.groups())
        read(counts, samples.of(counts.name), peers, upstream)
    },
  }
}
