/** When each peer was marked: worked out from its failures, by nginx's rule. */
import type { FailureEvent } from './events.js'
import type { PeerNames } from './peer-names.js'
import type { Mark } from './report.js'

/** nginx's defaults. */
const MAX_FAILS = 1
const FAIL_TIMEOUT = 10_000

interface MarkedPeer {
  readonly peer: string
  readonly failures: number
  readonly marks: readonly Mark[]
}

export interface Marks {
  readonly peers: readonly MarkedPeer[]
  /** Those failures that made a mark or made one longer. */
  readonly markers: ReadonlySet<FailureEvent>
}

/**
 * `max_fails` failures within `fail_timeout` mark a peer for `fail_timeout`; a failure during a mark begins it again. The
 * only server of an upstream is never marked (`ngx_http_upstream_free_round_robin_peer`).
 */
export function marksOf(failures: readonly FailureEvent[], names: PeerNames): Marks {
  const byPeer = new Map<string, FailureEvent[]>()
  for (const failure of failures) {
    const list = byPeer.get(failure.peer)
    if (list === undefined) byPeer.set(failure.peer, [failure])
    else list.push(failure)
  }
  const markers = new Set<FailureEvent>()
  const peers = [...byPeer].map(([peer, list]) => ({
    peer,
    failures: list.length,
    marks: marksOfPeer(list.sort(byTime), ruleOf(peer, list, names), markers),
  }))
  return { peers: peers.sort((a, b) => (a.peer < b.peer ? -1 : 1)), markers }
}

const byTime = (a: FailureEvent, b: FailureEvent): number => a.time - b.time

interface Rule {
  readonly maxFails: number
  readonly failTimeout: number
}

function ruleOf(peer: string, failures: readonly FailureEvent[], names: PeerNames): Rule {
  const upstream = failures[0]?.upstream ?? ''
  const servers = names.facts(upstream)?.servers
  const single = names.isAlone(peer) || (servers?.length === 1 && servers[0]?.isName === false)
  const { maxFails = MAX_FAILS, failTimeout = FAIL_TIMEOUT } = names.server(peer) ?? {}
  return { maxFails: single ? 0 : maxFails, failTimeout }
}

function marksOfPeer(
  failures: readonly FailureEvent[],
  { maxFails, failTimeout }: Rule,
  markers: Set<FailureEvent>,
): Mark[] {
  const marks: { from: number; to: number; by: string }[] = []
  if (maxFails === 0) return marks
  let recent: FailureEvent[] = []
  for (const failure of failures) {
    const last = marks.at(-1)
    recent = [...recent.filter(({ time }) => failure.time - time <= failTimeout), failure].slice(
      -maxFails,
    )
    if (last !== undefined && failure.time <= last.to) {
      last.to = failure.time + failTimeout
      markers.add(failure)
    } else if (recent.length >= maxFails) {
      for (const one of recent) markers.add(one)
      marks.push({ from: failure.time, to: failure.time + failTimeout, by: labelOf(failure) })
    }
  }
  return marks
}

/** `500 to GET /report`, `refused for GET /`. */
export function labelOf({ kind, status, method, path }: FailureEvent): string {
  const request = `${method} ${path}`.trim()
  const what = kind === 'status' ? String(status) : kind.replaceAll('_', ' ')
  return request === '' ? what : `${what} for ${request}`
}
