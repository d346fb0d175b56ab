/** What an incident and an early warning are. */
import type { ErrorCode } from '../errors.js'

/** What made requests fail together. The same words as `evenkeel doctor`'s. */
export type Mechanism =
  /** Answers of the application marked the peers (`failOn` or `nextUpstream.on` lists their statuses). */
  | 'application_errors_mark_peers'
  | 'refused_connections'
  | 'unreachable'
  | 'timeouts'
  | 'stale_keepalive'
  | 'oversized_headers'
  | 'invalid_responses'
  | 'dropped_connections'
  | 'tls_failures'
  /** One request fails alike at every peer. */
  | 'request_at_fault'
  /** Peers are up, and have no room (`maxConns`, `queue`, `maxInFlight`). */
  | 'connection_limits'
  /** Every peer is `down`, draining or unhealthy. */
  | 'out_of_service'
  /** Ports, file descriptors: a shortage of this machine's. */
  | 'own_shortage'
  | 'unknown'

/** A request that played a part in an incident. */
export interface IncidentRequest {
  /** Milliseconds since 1970. */
  readonly at: number
  readonly method: string
  /** Without the query: it may hold secrets. */
  readonly path: string
  readonly peer: string
  /** What came of it, as `AttemptSummary.outcome`. */
  readonly outcome: string
}

/** One thing that happened to a peer. */
export interface PeerChange {
  /** Milliseconds since 1970. */
  readonly at: number
  readonly peer: string
  readonly change: 'ejected' | 'returned' | 'unhealthy' | 'healthy'
  /** As that of the event. */
  readonly reason: string
}

/** Requests that failed one after another, as one thing. */
export interface Incident {
  /** 1 for the first of this balancer. */
  readonly id: number
  readonly upstream: string
  /** Milliseconds since 1970, as the next. */
  readonly start: number
  /** Of the last failure so far. */
  readonly end: number
  /** Requests that ended with an answer of our own. */
  readonly failed: number
  /** How many of them with which code. */
  readonly codes: Readonly<Partial<Record<ErrorCode, number>>>
  /** Those that marked a peer, or failed at one, before and while it went on; the first 20. */
  readonly triggers: readonly IncidentRequest[]
  /** What happened to the peers meanwhile, in order; the first 100. */
  readonly timeline: readonly PeerChange[]
  readonly mechanism: Mechanism
  /** In one or two sentences. */
  readonly summary: string
  /** The setting that would have prevented it, and how; undefined: no setting would. */
  readonly prevention: { readonly option: string; readonly advice: string } | undefined
}

/** All peers may be out at the same time before long. */
export interface EarlyWarning {
  /** Milliseconds since 1970. */
  readonly at: number
  /** That all of them are out together at least once within {@link EarlyWarning.horizon}, 0 to 1. An estimate. */
  readonly chance: number
  /** Milliseconds. */
  readonly horizon: number
  /** Marks of each peer in the time looked at ({@link EarlyWarning.window}, milliseconds). */
  readonly marks: Readonly<Record<string, number>>
  readonly window: number
  readonly summary: string
}
