/** All metrics: docs/metrics.md has the same list. */
import { ofUpstream } from './definition.js'
import type { MetricDefinition } from './definition.js'
import {
  CODES,
  CONDITIONS,
  MECHANISMS,
  METHODS,
  QUEUE_OUTCOMES,
  RESULTS,
  RETRIES,
  STATUS_CLASSES,
  WHY_NOT,
} from './labels.js'
import { PEER_METRICS } from './peer-definitions.js'
import type { BalancerInternals } from '../internals.js'
import type { UpstreamCounts } from './upstream-counts.js'

const REQUEST_KINDS = pairs(METHODS, STATUS_CLASSES).flatMap((kind) =>
  RESULTS.map((result) => [...kind, result]),
)
const RETRY_KINDS = pairs(CONDITIONS, RETRIES)
const NOT_RETRIED_KINDS = pairs(CONDITIONS, WHY_NOT)

const REQUEST_METRICS: readonly MetricDefinition[] = [
  ofUpstream(
    'counter',
    'requests_total',
    'Requests that are over. result: answered by a peer, failed (an answer of our own, or broken off), aborted by the client.',
    (counts, samples) => {
      samples.addSeen(counts.requests, REQUEST_KINDS)
    },
    { labels: ['method', 'status', 'result'] },
  ),
  ofUpstream(
    'counter',
    'request_errors_total',
    'Requests that ended without a whole response of a peer, by the code of the error.',
    (counts, samples) => {
      samples.addAll(counts.errors, CODES)
    },
    { labels: ['code'] },
  ),
  ofUpstream(
    'histogram',
    'request_duration_seconds',
    'Time from the arrival of a request until its response was handed over, waiting and all attempts included.',
    (counts, samples) => {
      for (const [i, histogram] of counts.durations.entries())
        if (histogram.count > 0) samples.addHistogram(histogram, STATUS_CLASSES[i] ?? '')
    },
    { labels: ['status'] },
  ),
  ofUpstream(
    'gauge',
    'requests_in_flight',
    'Requests that are being served, tunnels included.',
    (counts, samples) => {
      samples.add(sumOf(counts, ({ draining }) => draining.inFlight))
    },
  ),
  ofUpstream(
    'counter',
    'upgrades_total',
    'Requests that have become tunnels (101).',
    (counts, samples) => {
      samples.add(counts.upgrades)
    },
  ),
  ofUpstream('gauge', 'upgrades_open', 'Tunnels that are open.', (counts, samples) => {
    samples.add(sumOf(counts, ({ draining }) => draining.openTunnels))
  }),
]

const RETRY_METRICS: readonly MetricDefinition[] = [
  ofUpstream(
    'counter',
    'retries_total',
    'Attempts after which another one was to be made. decision: next (another peer), again (the same one, on a fresh connection), wait (for a place or a peer).',
    (counts, samples) => {
      samples.addSeen(counts.retries, RETRY_KINDS)
    },
    { labels: ['condition', 'decision'] },
  ),
  ofUpstream(
    'counter',
    'not_retried_total',
    'Attempts with something the matter after which no other one was made, by the reason for that.',
    (counts, samples) => {
      samples.addSeen(counts.notRetried, NOT_RETRIED_KINDS)
    },
    { labels: ['condition', 'why'] },
  ),
  ofUpstream(
    'gauge',
    'retry_budget_retries',
    'Retries that the budget has room for now. Without a budget there is no series.',
    (counts, samples) => {
      const now = counts.registry.clock.now()
      const budgets = counts.balancers.flatMap(({ budget }) => budget ?? [])
      if (budgets.length === 0) return
      samples.add(budgets.reduce((sum, budget) => sum + Math.max(0, budget.room(now)), 0))
    },
  ),
]

const QUEUE_METRICS: readonly MetricDefinition[] = [
  ofUpstream('gauge', 'queue_length', 'Requests that wait in the queue.', (counts, samples) => {
    samples.add(counts.registry.queue.length)
  }),
  ofUpstream(
    'counter',
    'queue_requests_total',
    'Requests that joined the queue, or found it full, and what their waiting has come to.',
    (counts, samples) => {
      samples.addAll(counts.queueOutcomes, QUEUE_OUTCOMES)
    },
    { labels: ['outcome'] },
  ),
  ofUpstream(
    'histogram',
    'queue_wait_seconds',
    'Time in the queue of those that have left it, served or not.',
    (counts, samples) => {
      samples.addHistogram(counts.queueWait)
    },
  ),
]

const INCIDENT_METRICS: readonly MetricDefinition[] = [
  ofUpstream(
    'counter',
    'incidents_total',
    'Incidents that are over, by their mechanism.',
    (counts, samples) => {
      samples.addAll(counts.incidents, MECHANISMS)
    },
    { labels: ['mechanism'] },
  ),
  ofUpstream('gauge', 'incidents_open', 'Incidents that go on.', (counts, samples) => {
    samples.add(sumOf(counts, ({ incidents }) => (incidents.ongoing ? 1 : 0)))
  }),
  ofUpstream(
    'gauge',
    'blackout_chance_ratio',
    'The chance that all peers go out together, as the early warning estimates it; 0 when it has not warned, or its horizon has passed.',
    (counts, samples) => {
      samples.add(counts.chance)
    },
    { aggregator: 'max' },
  ),
]

export const METRICS: readonly MetricDefinition[] = [
  ...REQUEST_METRICS,
  ...RETRY_METRICS,
  ...PEER_METRICS,
  ...QUEUE_METRICS,
  ...INCIDENT_METRICS,
]

function pairs(first: readonly string[], second: readonly string[]): string[][] {
  return first.flatMap((one) => second.map((other) => [one, other]))
}

/** Each balancer of the upstream has its own. */
function sumOf(counts: UpstreamCounts, of: (balancer: BalancerInternals) => number): number {
  return counts.balancers.reduce((sum, balancer) => sum + of(balancer), 0)
}
