/** What is known of one attempt, while it runs and afterwards. */
import type { AttemptSummary } from './errors.js'
import type { UpstreamFailure } from './next-upstream/attempt-result.js'
import type { AttemptCondition } from './next-upstream/condition.js'
import type { Decision, WhyNoNext } from './next-upstream/decide.js'
import { tlsReasonOf } from './tls-error.js'
import type { AttemptTimes } from './transport/transport.js'
import type { Peer } from './upstream/peer.js'

export class AttemptRecord implements AttemptTimes {
  /** Undefined: no peer could be chosen, and {@link name} is the upstream's. */
  readonly peer: Peer | undefined
  readonly name: string
  /** When it began: milliseconds of the balancer's clock. */
  readonly startedAt: number
  /** Status of the answer, or nginx's number for the failure; 0 while it runs. */
  status = 0
  failure: UpstreamFailure | undefined
  /** The answer's fields as they came: name, value, name, value … */
  rawHeaders: readonly string[] | undefined
  /** It failed on a kept-alive connection that the peer had closed. */
  stale = false
  /** It was given up because another attempt beside it was faster. */
  cancelled = false
  connectTime = -1
  headerTime = -1
  responseTime = -1
  bytesSent = 0
  bytesReceived = 0
  responseLength = 0
  reused = false
  /** What was the matter with it, and what was done about that; undefined: nothing was. */
  condition: AttemptCondition | undefined
  decision: Decision['do'] | undefined
  why: WhyNoNext | undefined
  /** It was put to the peer's account, and has marked it. */
  charged = false
  marked = false
  /** Whoever follows attempts has been told of its end. */
  ended = false

  constructor(peer: Peer | undefined, name: string, startedAt: number) {
    this.peer = peer
    this.name = name
    this.startedAt = startedAt
  }

  get outcome(): string {
    if (this.peer === undefined) return 'no_live_upstreams'
    if (this.failure !== undefined) {
      const { type, phase, cause } = this.failure
      const reason = tlsReasonOf(type, cause)
      const exact = reason === undefined ? type : `${type} (${reason})`
      return `${exact} in ${phase}${this.stale ? ' (stale connection)' : ''}`
    }
    if (this.cancelled) return 'cancelled'
    if (this.status === 0) return 'unanswered'
    return this.status < 500 ? 'ok' : `http_${String(this.status)}`
  }

  /** `requestStartedAt`: milliseconds of the balancer's clock. */
  summary(requestStartedAt: number): AttemptSummary {
    const { failure } = this
    return {
      peer: this.name,
      status: failure === undefined ? this.status : 0,
      outcome: this.outcome,
      startedAt: Math.max(0, this.startedAt - requestStartedAt),
      duration: Math.max(0, this.responseTime),
      connectTime: this.connectTime,
      headerTime: this.headerTime,
      bytesSent: this.bytesSent,
      bytesReceived: this.bytesReceived,
      responseLength: this.responseLength,
      phase: failure?.phase,
      type: failure?.type,
      condition: this.condition,
      requestSent: failure?.requestSent ?? this.peer !== undefined,
      reusedConnection: this.reused,
      stale: this.stale,
      cancelled: this.cancelled,
      charged: this.charged,
      marked: this.marked,
      decision: this.decision,
      why: this.why,
      cause: failure?.cause,
    }
  }
}
