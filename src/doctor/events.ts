/** What is taken from the logs: the few lines in which something went wrong, each as an event. */
import type { ErrorKind } from './error-kind.js'
import type { Evidence } from './report.js'
import type { Doubt } from './witnesses.js'

/** How an attempt failed. */
type FailureKind =
  | Extract<
      ErrorKind,
      | 'refused'
      | 'unreachable'
      | 'no_local_port'
      | 'connect_timeout'
      | 'send_timeout'
      | 'read_timeout'
      | 'closed'
      | 'reset'
      | 'too_big_header'
      | 'invalid_header'
      | 'tls'
    >
  /** The application answered with a status that is tried elsewhere. */
  | 'status'
  /** A 502 of the access log: nginx's own, as far as one can see there. */
  | 'error'
  /** A 504. */
  | 'timeout'

/** An attempt failed at a peer. */
export interface FailureEvent {
  readonly what: 'failure'
  readonly time: number
  readonly source: 'access' | 'error'
  readonly kind: FailureKind
  /** Of the answer; 0 for none. */
  readonly status: number
  readonly upstream: string
  readonly peer: string
  readonly method: string
  readonly path: string
  /** Milliseconds; -1 if it is not known. */
  readonly duration: number
  /** 0: the connection had been used before, or was made within half a millisecond; -1: not known. */
  readonly connectTime: number
  /** Surely not an answer of the application. */
  readonly certain: boolean
  /** It was delivered, and may be the application's own. */
  readonly doubt?: Doubt | undefined
  readonly evidence: Evidence
}

/** A request was answered by nginx itself. */
export interface LostEvent {
  readonly what: 'lost'
  readonly time: number
  readonly source: 'access' | 'error'
  readonly role: 'bystander' | 'trigger' | 'undetermined'
  readonly status: number
  readonly upstream: string
  /** The upstream's name as it stands in the log; empty where there is a peer's address, or nothing. */
  readonly logged: string
  /** It may be the application's own answer. */
  readonly doubt?: Doubt | undefined
  readonly evidence: Evidence
}

/** Something else that explains failures. */
export interface SignEvent {
  readonly what: 'sign'
  readonly time: number
  readonly kind: Extract<
    ErrorKind,
    'disabled' | 'worker_connections' | 'too_many_files' | 'limit_conn' | 'limit_req' | 'resolver'
  >
  readonly upstream: string
  readonly peer: string
  readonly method: string
  readonly path: string
  readonly evidence: Evidence
}

export type LogEvent = FailureEvent | LostEvent | SignEvent
