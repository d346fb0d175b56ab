/** What the doctor says, as `--json` prints it. Times are milliseconds since 1970 where nothing else is said. */

/** Why requests were lost. */
export type DoctorMechanism =
  /** An answer of the application (500 …), listed in `proxy_next_upstream`, counted against its peer. */
  | 'application_errors_mark_peers'
  /** A peer had closed an idle connection when it was used again. */
  | 'stale_keepalive'
  /** A response head over `proxy_buffer_size`. */
  | 'oversized_headers'
  /** Something that is not HTTP. */
  | 'invalid_headers'
  /** `proxy_connect_timeout`, `proxy_send_timeout`, `proxy_read_timeout`. */
  | 'timeouts'
  /** Nobody listens there. */
  | 'refused_connections'
  /** No route, or no answer from the network. */
  | 'unreachable'
  /** Connections broke in mid-request. */
  | 'peer_crash'
  | 'tls_failures'
  /** `worker_connections`, open files, local ports, `max_conns`, `limit_conn`. */
  | 'connection_limits'
  /** A new connection for nearly every request, and those are what fails. */
  | 'too_few_idle_connections'
  /** The logs do not say. */
  | 'unknown'

/** `high`: the logs say so; `medium`: it follows; `low`: a guess. */
export type Confidence = 'high' | 'medium' | 'low'

/** A line of a log, word for word but for control characters; long ones are cut. */
export interface Evidence {
  readonly file: string
  readonly line: number
  readonly text: string
}

/** Requests that were answered by nginx itself with an error, or not at all. */
export interface LostRequests {
  readonly total: number
  readonly byStatus: Readonly<Record<string, number>>
  /** Nobody was asked for these: every peer was marked because of others. */
  readonly bystanders: number
  /** An attempt of their own had failed. */
  readonly triggers: number
  /** The log does not say which of the two. */
  readonly undetermined: number
}

/** Attempts that failed in one way, at one peer, for one URL. */
export interface Trigger {
  /** `status`, `refused`, `reset`, `too_big_header` … */
  readonly kind: string
  /** Status of the answer, where there was one; else 0. */
  readonly status: number
  readonly method: string
  readonly path: string
  readonly peer: string
  readonly count: number
  readonly first: number
  readonly last: number
  /** It marked the peer. */
  readonly marked: boolean
  readonly evidence: Evidence
}

/** From the failure that marked a peer to when the mark ends by itself (`fail_timeout`); worked out, nginx does not log it. */
export interface Mark {
  readonly from: number
  readonly to: number
  /** `500 to GET /report`. */
  readonly by: string
}

export interface PeerTimeline {
  readonly peer: string
  readonly failures: number
  /** Answers of this peer during the bunch. */
  readonly served: number
  readonly marks: readonly Mark[]
}

/** One second of a bunch. */
export interface Second {
  readonly time: number
  readonly served: number
  readonly lost: number
}

export interface Fix {
  /** Directives, or what to look at. */
  readonly nginx: readonly string[]
  /** Options of `createBalancer`, or what it does by itself. */
  readonly evenkeel: readonly string[]
}

export interface Diagnosis {
  readonly mechanism: DoctorMechanism
  readonly confidence: Confidence
  /** One sentence: what triggered it, and whom it hit. */
  readonly headline: string
  /** More sentences: how that is known. */
  readonly because: readonly string[]
  /** Other mechanisms that were seen in it. */
  readonly contributing: readonly DoctorMechanism[]
}

/** Lost requests close together. */
export interface Bunch extends Diagnosis {
  /** The upstream's name; empty if it is not known. */
  readonly upstream: string
  /** The first and the last lost request. */
  readonly start: number
  readonly end: number
  /** Milliseconds. */
  readonly duration: number
  readonly lost: LostRequests
  /** Answered well between start and end. */
  readonly served: number
  /** Every peer was marked, and the rest was refused with "no live upstreams". */
  readonly blackout: boolean
  readonly triggers: readonly Trigger[]
  readonly peers: readonly PeerTimeline[]
  readonly seconds: readonly Second[]
  readonly evidence: readonly Evidence[]
  readonly fix: Fix
}

/** What was seen of one mechanism in all. */
export interface Finding extends Diagnosis {
  readonly bunches: number
  readonly lost: number
  /** Attempts that failed and were made good by another peer. */
  readonly rescued: number
  readonly evidence: readonly Evidence[]
  readonly fix: Fix
}

/** A file that was read. */
export interface ReadFile {
  readonly file: string
  readonly kind: 'access' | 'error'
  readonly lines: number
  /** Lines that do not have the format; the first of them are the examples. */
  readonly unmatched: number
  readonly examples: readonly Evidence[]
  /** Undefined: no line with a time. */
  readonly from: number | undefined
  readonly to: number | undefined
}

/** What is dangerous in the configuration, whether the logs show it or not: see `lintNginx`. */
export interface LintNote {
  readonly rule: string
  readonly severity: 'error' | 'danger' | 'warning' | 'notice'
  readonly message: string
  readonly file: string
  readonly line: number
  readonly advice: { readonly nginx: string; readonly evenkeel: string }
}

export interface LiveCheck {
  readonly upstream: string
  readonly peer: string
  /** What was looked at. */
  readonly check: 'dns' | 'connect' | 'tls' | 'request' | 'headers' | 'keepalive' | 'expect'
  readonly result: 'ok' | 'warning' | 'failed'
  readonly message: string
}

/** The whole report. `version` changes when something in it is renamed or removed. */
export interface DoctorReport {
  readonly version: 1
  /** Whether anything was found: the exit code is then 1. */
  readonly found: boolean
  readonly read: readonly ReadFile[]
  readonly requests: number
  readonly lost: LostRequests
  /** Requests with a failed attempt that another peer made good. */
  readonly rescued: number
  readonly bunches: readonly Bunch[]
  /** Bunches beyond those that are kept. */
  readonly moreBunches: number
  /** Lost requests in no bunch. */
  readonly alone: LostRequests
  readonly findings: readonly Finding[]
  readonly lint: readonly LintNote[]
  readonly live: readonly LiveCheck[]
  /** What could not be known, and what would have to be logged. */
  readonly notes: readonly string[]
}
