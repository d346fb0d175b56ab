/** Every error of the library: a stable code, and the cause kept. */
import type { FailureType, Phase } from './next-upstream/attempt-result.js'
import type { AttemptCondition } from './next-upstream/condition.js'
import type { Decision, WhyNoNext } from './next-upstream/decide.js'
import type { Explanation } from './observe/explanation.js'

/** Stable names for programs; texts may change, these do not. */
export type ErrorCode =
  /** Options are wrong; {@link ConfigurationError.problems} lists every one. */
  | 'ERR_CONFIGURATION'
  /** No peer may be used at all: every one is down, draining or marked (nginx "no live upstreams"). */
  | 'ERR_NO_LIVE_UPSTREAMS'
  /** Every usable peer has `maxConns` attempts in flight. */
  | 'ERR_PEERS_BUSY'
  /** The queue of waiting requests is full. */
  | 'ERR_QUEUE_FULL'
  /** No place became free within `queue.timeout`, or within `nextUpstream.timeout`. */
  | 'ERR_QUEUE_TIMEOUT'
  /** As many requests are in flight as may be (`maxInFlight`, `adaptiveConcurrency`). */
  | 'ERR_OVERLOADED'
  /** The last attempt failed before a response: connection refused, reset, closed early … */
  | 'ERR_UPSTREAM_CONNECTION'
  /** The last attempt ran into `connectTimeout`, `sendTimeout`, `readTimeout` or `nextUpstream.timeout`. */
  | 'ERR_UPSTREAM_TIMEOUT'
  /** The last attempt answered with something that is not HTTP, or with a head over `bufferSize`. */
  | 'ERR_UPSTREAM_INVALID_HEADER'
  /** The upstream died in the middle of a body already on its way to the client. */
  | 'ERR_UPSTREAM_TRUNCATED'
  /** The client left before it was answered. */
  | 'ERR_CLIENT_CLOSED'
  /** The request body is over `maxBody`. */
  | 'ERR_BODY_TOO_LARGE'
  /** Somebody has read the request body and left nothing that could be sent on. */
  | 'ERR_BODY_CONSUMED'
  /** The request cannot be sent on as HTTP/1.1. */
  | 'ERR_BAD_REQUEST'
  /** The balancer is closing. */
  | 'ERR_CLOSING'
  /** A plug-in or the library itself threw; the cause says what. */
  | 'ERR_INTERNAL'

/** One attempt as an error tells it; inner addresses are for the log, not for the client. */
export interface AttemptSummary {
  readonly peer: string
  /** Status of the answer, or 0. */
  readonly status: number
  /** In words: `connection_refused in connect`, `http_503`, `ok` … */
  readonly outcome: string
  /** Milliseconds from the request's start to the attempt's. */
  readonly startedAt: number
  /** Milliseconds from the attempt's start to its end. */
  readonly duration: number
  /** Milliseconds from the attempt's start until it was connected (TLS included), 0 on a kept connection; -1: it was not. */
  readonly connectTime: number
  /** Milliseconds from the attempt's start to the response head; -1: none came. */
  readonly headerTime: number
  /** Bytes written to and read from the peer's connection for this attempt, heads included. */
  readonly bytesSent: number
  readonly bytesReceived: number
  /** Bytes of response body. */
  readonly responseLength: number
  /** Where it failed, and at what: undefined for an attempt that was answered, as the type. */
  readonly phase: Phase | undefined
  /** RFC 9209's name for the failure. */
  readonly type: FailureType | undefined
  /** What was the matter, in the words of `nextUpstream.on`; undefined: nothing. */
  readonly condition: AttemptCondition | undefined
  /** A byte of the request may have reached the peer. */
  readonly requestSent: boolean
  readonly reusedConnection: boolean
  /** It failed on a kept connection that the peer had closed: nobody's failure. */
  readonly stale: boolean
  /** Another attempt beside it was faster (`hedge`). */
  readonly cancelled: boolean
  /** It was put to the peer's account (`failOn`); and has marked the peer. */
  readonly charged: boolean
  readonly marked: boolean
  /** What was done about the condition: see `NextEvent`. Undefined where there was none. */
  readonly decision: Decision['do'] | undefined
  /** Why no next upstream was tried. */
  readonly why: WhyNoNext | undefined
  readonly cause: Error | undefined
}

export interface BalancerErrorDetails {
  /** Status the client is given; 499 when it has left. */
  readonly status?: number
  readonly cause?: unknown
  readonly attempts?: readonly AttemptSummary[]
  /** Seconds. */
  readonly retryAfter?: number | undefined
  /** Made when it is asked for. */
  readonly explain?: (() => Explanation) | undefined
}

/** What `options.onError` and the `error` event are given. */
export class BalancerError extends Error {
  override readonly name: string = 'BalancerError'
  readonly code: ErrorCode
  /** Status the client is given (nginx's 499 when it has left). */
  readonly status: number
  /** Every attempt made, in order. */
  readonly attempts: readonly AttemptSummary[]
  /** Seconds after which it is worth asking again, where that is known: the `Retry-After` of our own page. */
  readonly retryAfter: number | undefined
  readonly #explain: (() => Explanation) | undefined
  #explanation: Explanation | undefined

  constructor(code: ErrorCode, message: string, details: BalancerErrorDetails = {}) {
    super(message, details.cause === undefined ? undefined : { cause: details.cause })
    this.code = code
    this.status = details.status ?? 500
    this.attempts = details.attempts ?? []
    this.retryAfter = details.retryAfter
    this.#explain = details.explain
  }

  /**
   * What happened, in which phase, to which peers, why no next upstream was tried, and what to do. It names peers: for
   * logs and operators, not for clients. Undefined: the error is of no request.
   */
  get explanation(): Explanation | undefined {
    return (this.#explanation ??= this.#explain?.())
  }
}

/** One thing wrong with the options. */
export interface ConfigurationProblem {
  /** `upstream[2].weight` */
  readonly path: string
  /** `must be a positive integer` */
  readonly rule: string
  /** The value as given; secrets are hidden, objects shown as short text. */
  readonly value: unknown
}

/** Thrown by `createBalancer` and `createUpstream`: all problems at once, one a line. */
export class ConfigurationError extends BalancerError {
  override readonly name = 'ConfigurationError'
  readonly problems: readonly ConfigurationProblem[]

  constructor(problems: readonly ConfigurationProblem[], lines: readonly string[]) {
    super('ERR_CONFIGURATION', lines.join('\n'))
    this.problems = problems
  }
}
