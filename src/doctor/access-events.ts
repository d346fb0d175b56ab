/** What a line of the access log says of failures. */
import type { AccessReader, FormatKnows } from './access-reader.js'
import type { Attempt } from './attempts.js'
import type { FailureEvent, LogEvent, LostEvent } from './events.js'
import type { PeerNames } from './peer-names.js'
import type { Evidence } from './report.js'
import type { Doubt } from './witnesses.js'

/** Whether anything is wrong with the line; nearly all lines end here. */
export function isOrdinary(reader: AccessReader): boolean {
  if (reader.status >= 500) return reader.fromCache
  const text = reader.upstreamStatus
  return text.length <= 3 ? text.charCodeAt(0) !== FIVE : false
}

const FIVE = 53
const OWN = new Set([500, 502, 503, 504])
const GATEWAY = new Set([502, 504])
/** Those that `proxy_next_upstream` can list and that count as a failure then. */
const COUNTED = new Set([500, 502, 503, 504, 429])

/** The events of one line that is not ordinary; none if all is well in spite of that. */
export function accessEvents(
  reader: AccessReader,
  names: PeerNames,
  evidence: Evidence,
): LogEvent[] {
  const attempts = reader.attempts()
  const context = new LineContext(reader, names, evidence, attempts)
  if (attempts.length === 0) return withoutAttempts(context)
  const events: LogEvent[] = []
  for (const [index, attempt] of attempts.entries()) {
    const next = attempts[index + 1]
    if (context.failed(attempt, next)) events.push(context.failure(attempt, index))
  }
  const lost = lostOf(context)
  if (lost !== undefined) events.push(lost)
  return events
}

function withoutAttempts(context: LineContext): LogEvent[] {
  const { status, knows } = context.reader
  // A status without an upstream is nginx's own; where the log does not tell, 500 and 503 may well be the application's.
  // 501 is for requests that nobody would understand.
  const own = knows.statuses ? OWN.has(status) : GATEWAY.has(status)
  return own ? [context.lost('undetermined', knows.statuses ? NO_UPSTREAM : '')] : []
}

function lostOf(context: LineContext): LostEvent | undefined {
  const { reader, attempts, names } = context
  const last = attempts.at(-1)
  if (last === undefined) return undefined
  if (names.isUpstream(last.peer)) {
    const alone = attempts.length === 1 || attempts.at(-2)?.round !== last.round
    return context.lost(alone ? 'bystander' : 'trigger', last.peer)
  }
  if (context.failed(last, undefined) && reader.status >= 500)
    return context.lost('trigger', last.peer)
  // No connection could be had, for want of worker_connections or files: ngx_http_upstream_connect, NGX_ERROR.
  const mute = reader.knows.statuses ? last.status === 0 : false
  if (mute && reader.status >= 500) return context.lost('trigger', last.peer)
  if (!reader.knows.statuses && GATEWAY.has(reader.status))
    return context.lost('undetermined', last.peer)
  return undefined
}

class LineContext {
  readonly reader: AccessReader
  readonly names: PeerNames
  readonly attempts: readonly Attempt[]
  readonly #evidence: Evidence
  readonly #method: string
  readonly #path: string

  constructor(
    reader: AccessReader,
    names: PeerNames,
    evidence: Evidence,
    attempts: readonly Attempt[],
  ) {
    this.reader = reader
    this.names = names
    this.attempts = attempts
    this.#evidence = evidence
    this.#method = reader.method.slice()
    this.#path = reader.path
  }

  /** The attempt counted against its peer (ngx_http_upstream_next; a status only if it is acted on). */
  failed(attempt: Attempt, next: Attempt | undefined): boolean {
    if (this.names.isUpstream(attempt.peer) || attempt.status === 0) return false
    const left = next?.round === attempt.round
    if (left) return COUNTED.has(attempt.status)
    return GATEWAY.has(attempt.status) && !answered(attempt, this.reader.knows)
  }

  failure(attempt: Attempt, index: number): FailureEvent {
    const later = this.attempts.slice(index + 1)
    const after = later.reduce((sum, { duration }) => sum + Math.max(0, duration), 0)
    const own = GATEWAY.has(attempt.status) && !answered(attempt, this.reader.knows)
    return {
      what: 'failure',
      time: this.reader.time - after,
      source: 'access',
      kind: own ? (attempt.status === 504 ? 'timeout' : 'error') : 'status',
      status: own ? 0 : attempt.status,
      upstream: this.names.keyOf(attempt.peer),
      peer: attempt.peer,
      method: this.#method,
      path: this.#path,
      duration: attempt.duration,
      connectTime: this.reader.knows.connects ? attempt.connectTime : UNKNOWN,
      certain: !own || this.reader.knows.headers,
      doubt:
        later.length === 0 && this.#mayBeTheirs(attempt)
          ? { path: this.reader.requestedPath, peer: attempt.peer }
          : undefined,
      evidence: this.#evidence,
    }
  }

  #doubtOf(role: LostEvent['role'], entry: string): Doubt | undefined {
    const { knows, status, requestedPath } = this.reader
    if (!GATEWAY.has(status) || entry === NO_UPSTREAM) return undefined
    const last = this.attempts.at(-1)
    const doubtful = knows.statuses
      ? role === 'trigger' && last !== undefined && this.#mayBeTheirs(last)
      : true
    if (!doubtful) return undefined
    return { path: requestedPath, peer: last?.peer ?? '' }
  }

  /** An answer of the application, as far as one can see. */
  #mayBeTheirs({ status, peer }: Attempt): boolean {
    return !this.reader.knows.headers && GATEWAY.has(status) && !this.names.isUpstream(peer)
  }

  lost(role: LostEvent['role'], entry: string): LostEvent {
    return {
      what: 'lost',
      time: this.reader.time,
      source: 'access',
      role,
      status: this.reader.status,
      upstream: entry === NO_UPSTREAM ? entry : this.names.keyOf(entry),
      logged: entry !== NO_UPSTREAM && this.names.isUpstream(entry) ? entry : '',
      doubt: this.#doubtOf(role, entry),
      evidence: this.#evidence,
    }
  }
}

/** In place of an upstream's name, for what nginx answers without one. */
export const NO_UPSTREAM = '-'

/** {@link FailureEvent.connectTime} where the format has no `$upstream_connect_time`; -1: it did not get that far. */
export const UNKNOWN = -2

/** A head of a response came: the status is the application's. */
function answered({ status, headerTime, length, duration }: Attempt, knows: FormatKnows): boolean {
  if (headerTime >= 0 || length > 0) return true
  return !knows.headers && status === 504 && duration >= 0 && duration < TOO_SOON
}

/** Milliseconds: a 504 of nginx comes after a timeout. */
const TOO_SOON = 100
