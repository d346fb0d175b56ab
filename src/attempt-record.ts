/** What is known of one attempt, while it runs and afterwards. */
import type { AttemptSummary } from './errors.js'
import type { UpstreamFailure } from './next-upstream/attempt-result.js'
import { tlsReasonOf } from './tls-error.js'
import type { AttemptTimes } from './transport/transport.js'
import type { Peer } from './upstream/peer.js'

export class AttemptRecord implements AttemptTimes {
  /** Undefined: no peer could be chosen, and {@link name} is the upstream's. */
  readonly peer: Peer | undefined
  readonly name: string
  /** Status of the answer, or nginx's number for the failure; 0 while it runs. */
  status = 0
  failure: UpstreamFailure | undefined
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

  constructor(peer: Peer | undefined, name: string) {
    this.peer = peer
    this.name = name
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

  summary(): AttemptSummary {
    return {
      peer: this.name,
      status: this.failure === undefined ? this.status : 0,
      outcome: this.outcome,
      duration: Math.max(0, this.responseTime),
      phase: this.failure?.phase,
      reusedConnection: this.reused,
      cause: this.failure?.cause,
    }
  }
}
