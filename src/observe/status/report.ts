/** What the live page knows: the shape of its JSON. Shares are from 0 to 1; rates are of the last ten to fifteen seconds. */
import type { AttemptCondition } from '../../next-upstream/condition.js'
import type { Decision, WhyNoNext } from '../../next-upstream/decide.js'
import type { ErrorCode } from '../../errors.js'
import type { EarlyWarning, Incident } from '../incident.js'
import type { Ledger, PeerStatus } from '../../upstream/peer.js'

/** Milliseconds, of the last minute. They are read from buckets, and so right to about a tenth. */
export interface Percentiles {
  readonly p50: number
  readonly p90: number
  readonly p99: number
}

/** Sixty spans of time that are over, the eldest first; how long one is: {@link StatusSnapshot.span}. */
export interface HistoryReport {
  readonly requests: readonly number[]
  readonly failures: readonly number[]
  /** Milliseconds; -1: nothing was answered. */
  readonly p99: readonly number[]
}

/** One peer. Its requests are attempts, those of this balancer. */
export interface PeerReport {
  readonly name: string
  readonly state: PeerStatus
  /** Why it is in no good state, in one or two words; null: it is not, or nobody has seen why. */
  readonly reason: string | null
  /** Milliseconds until a marked peer is tried again, if nothing brings it back before; null: it is not marked. */
  readonly returnsIn: number | null
  readonly weight: number
  /** As of now: see `Peer.easedWeight`. */
  readonly easedWeight: number
  readonly backup: boolean
  readonly tier: number
  readonly locality: string | null
  /** Attempts, from all balancers in front of the upstream. */
  readonly inFlight: number
  /** 0: no limit. */
  readonly maxConns: number
  readonly requestsPerSecond: number
  /** Attempts that failed, or were answered with a 5xx. Stale connections and cancelled attempts are not among them. */
  readonly failuresPerSecond: number
  /** To the response head; null: no answer in the last minute. */
  readonly latency: Percentiles | null
  /** Failures since the start. */
  readonly ledgers: Readonly<Record<Ledger, number>>
  /** Connections, in use and idle. */
  readonly pool: { readonly active: number; readonly idle: number }
  /** Share of the attempts of the last minute that went out on a kept connection; null: there were none. */
  readonly reusedShare: number | null
  readonly history: HistoryReport
}

/** All requests of this balancer. */
export interface TotalsReport {
  readonly requestsPerSecond: number
  /** Share of the requests of the last minute that ended with a 5xx, or were broken off. */
  readonly errorShare: number
  readonly retriesPerSecond: number
  /** Attempts at all peers, from all balancers in front of the upstream. */
  readonly inFlight: number
  /** To the end of the response. */
  readonly latency: Percentiles | null
  /** Requests since the page was first asked for. */
  readonly requests: number
  /** Of them, those that ended with a 5xx or were broken off. */
  readonly errors: number
  readonly queue: QueueReport
  readonly history: HistoryReport
}

export interface QueueReport {
  readonly waiting: number
  /** Requests that may wait; 0: there is no queue. */
  readonly size: number
  /** Milliseconds that those waited who did. */
  readonly waits: Percentiles | null
  /** Turned away since the page was first asked for, because there was no room in it, or no place came in time. */
  readonly turnedAway: number
}

/** One attempt of a failed request. Milliseconds. */
export interface AttemptReport {
  readonly peer: string
  readonly outcome: string
  /** 0: no answer. */
  readonly status: number
  readonly startedAt: number
  readonly duration: number
  readonly condition: AttemptCondition | null
  readonly decision: Decision['do'] | null
  readonly why: WhyNoNext | null
  readonly marked: boolean
}

/** A request that ended with a 5xx, or was broken off. */
export interface FailedRequestReport {
  /** 1 for the first. */
  readonly id: number
  /** When it ended: milliseconds since 1970. */
  readonly at: number
  readonly method: string
  /** Without the query; of a long one its beginning. */
  readonly path: string
  readonly status: number
  /** Null: the answer is a peer's. */
  readonly code: ErrorCode | null
  /** Milliseconds. */
  readonly duration: number
  readonly waited: number
  readonly attempts: readonly AttemptReport[]
  /** Null: the answer is a peer's. */
  readonly explanation: ExplanationReport | null
}

/** The sentences of an `Explanation`, but for those of the attempts. */
export interface ExplanationReport {
  readonly summary: string
  readonly whyNoNext: string | null
  readonly peers: readonly string[]
  readonly advice: readonly string[]
}

/** An {@link Incident}, with fewer of its triggers and changes, and its texts cut. */
export interface IncidentReport extends Incident {
  readonly state: 'open' | 'closed'
}

/** Everything. */
export interface StatusSnapshot {
  readonly title: string
  readonly upstream: string
  readonly selector: string
  /** Milliseconds since 1970. */
  readonly at: number
  /** Milliseconds since the balancer was made, and since the page was first asked for: from then on it counts. */
  readonly uptime: number
  readonly counting: number
  /** Milliseconds that one number of a history stands for. */
  readonly span: number
  /** There are buttons that change peers. */
  readonly controls: boolean
  readonly totals: TotalsReport
  /** In configured order. */
  readonly peers: readonly PeerReport[]
  /** The last first. */
  readonly incidents: readonly IncidentReport[]
  /** As long as it is in force. */
  readonly warning: EarlyWarning | null
  /** The last first. */
  readonly failures: readonly FailedRequestReport[]
  /** By option, in words. What may be a secret is not shown. */
  readonly configuration: Readonly<Record<string, string>>
}

/** What is new since the message before: whole parts of the snapshot that take the place of the old ones. */
export interface StatusChange extends Partial<
  Pick<StatusSnapshot, 'totals' | 'incidents' | 'warning' | 'failures'>
> {
  readonly at: number
  readonly uptime: number
  readonly counting: number
  /** Those that have changed. A history that is not there is as it was. */
  readonly peers?: readonly (Omit<PeerReport, 'history'> & Partial<Pick<PeerReport, 'history'>>)[]
  /** The names of all peers, where peers have come or gone. */
  readonly order?: readonly string[]
}
