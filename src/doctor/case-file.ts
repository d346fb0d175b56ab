/** One group of lost requests with all that is known of it: what the mechanism is told from. */
import { NO_UPSTREAM } from './access-events.js'
import type { ConfFacts, ProxyFacts, UpstreamFacts } from './conf-facts.js'
import type { FailureEvent, LostEvent, SignEvent } from './events.js'
import type { Group, LostTally } from './groups.js'
import { marksOf } from './marks.js'
import type { Marks } from './marks.js'
import type { PeerNames } from './peer-names.js'

/** What the logs can tell at all. */
export interface LogsKnow {
  readonly accessLog: boolean
  readonly errorLog: boolean
  /** `$upstream_status` and `$upstream_addr` are logged. */
  readonly attempts: boolean
}

/** What was answered well. */
export interface Served {
  /** By this peer, in this time. */
  byPeer(peer: string, from: number, to: number): number
  /** With this path, in all of the log. */
  ofPath(path: string): number
}

export interface CaseFile {
  readonly lost: LostTally
  /** By the access log, or by the error log where that is all there is. */
  readonly lostSource: 'access' | 'error'
  /** "no live upstreams" in the error log. */
  readonly refusals: number
  /** One of them. */
  readonly refusal: LostEvent | undefined
  /** Each attempt once: those of transport as the error log has them, if it does. */
  readonly failures: readonly FailureEvent[]
  /** The same attempts as the access log has them: with their times. */
  readonly timed: readonly FailureEvent[]
  readonly signs: readonly SignEvent[]
  readonly marks: Marks
  readonly start: number
  readonly end: number
  readonly upstreamName: string
  /** nginx answered these by itself: no upstream was concerned. */
  readonly withoutUpstream: boolean
  readonly upstream: UpstreamFacts | undefined
  readonly proxies: readonly ProxyFacts[]
  readonly hasConf: boolean
  readonly knows: LogsKnow
  readonly served: Served
}

export interface CaseContext {
  readonly conf: ConfFacts | undefined
  readonly names: PeerNames
  readonly knows: LogsKnow
  readonly served: Served
  /** The time that the access logs cover. */
  readonly covered: { readonly from: number; readonly to: number }
}

/** How far a time of the error log, whole seconds, may lie after what it belongs to. */
const SECOND = 1000

export function caseOf(group: Group, context: CaseContext): CaseFile {
  const { conf, names, knows, served, covered } = context
  const beyond = group.end < covered.from || group.start > covered.to
  const lostSource = group.lost.access.total > 0 || !beyond ? 'access' : 'error'
  const within = group.failures.filter(({ time }) => time <= group.end + SECOND)
  const failures = chosen(within)
  const upstreamName = nameOf(group)
  return {
    lost: group.lost[lostSource],
    lostSource,
    refusals: group.lost.error.total,
    refusal: group.lost.error.examples[0],
    failures,
    timed: within.filter(({ source, kind }) => source === 'access' && kind !== 'status'),
    signs: group.signs.filter(({ time }) => time <= group.end + SECOND),
    marks: marksOf(failures, names),
    start: group.start,
    end: group.end,
    upstreamName,
    withoutUpstream: group.upstream === NO_UPSTREAM,
    upstream: group.upstream === NO_UPSTREAM ? undefined : names.facts(upstreamName),
    proxies: conf?.proxies.filter(({ upstream }) => upstream === upstreamName) ?? [],
    hasConf: conf !== undefined,
    knows,
    served,
  }
}

/** Statuses are in the access log only; what else failed is in both, and the error log says how. */
function chosen(failures: readonly FailureEvent[]): FailureEvent[] {
  const told = failures.some(({ source }) => source === 'error')
  return failures.filter(({ source, kind }) => kind === 'status' || !told || source === 'error')
}

function nameOf(group: Group): string {
  if (group.upstream === NO_UPSTREAM) return ''
  return group.upstream === '' ? soleUpstream(group) : group.upstream
}

/** The name in `$upstream_addr` or in `upstream: "http://name/…"`, where there is no configuration. */
function soleUpstream(group: Group): string {
  const examples = [...group.lost.error.examples, ...group.lost.access.examples]
  return examples.find(({ logged }) => logged !== '')?.logged ?? ''
}

/** Idle connections are kept for the upstream of this case. */
export const keepsAlive = ({ upstream, proxies }: CaseFile): boolean =>
  upstream !== undefined &&
  upstream.keepalive > 0 &&
  proxies.some(({ mayKeepAlive }) => mayKeepAlive)

export function mostFrequent(
  values: readonly string[],
): { value: string; count: number } | undefined {
  const counts = new Map<string, number>()
  for (const value of values) counts.set(value, (counts.get(value) ?? 0) + 1)
  let best: { value: string; count: number } | undefined
  for (const [value, count] of counts) if (count > (best?.count ?? 0)) best = { value, count }
  return best
}
