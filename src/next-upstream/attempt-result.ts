/** What one attempt at one peer came to: a value, never an exception. */
import type { Duplex } from 'node:stream'
import type { TransportCondition } from './condition.js'

/** Where in its life an attempt failed. */
export type Phase = 'connect' | 'tls' | 'send' | 'header' | 'body'

/** A failure's name: RFC 9209's proxy error types where there is one. */
export type FailureType =
  | 'connection_refused'
  | 'connection_timeout'
  | 'connection_terminated'
  | 'connection_write_timeout'
  | 'connection_read_timeout'
  | 'dns_error'
  | 'destination_ip_unroutable'
  | 'tls_protocol_error'
  | 'tls_certificate_error'
  | 'tls_alert_received'
  | 'http_response_incomplete'
  | 'http_response_header_section_size'
  | 'http_protocol_error'
  | 'proxy_internal_error'

/** Why an attempt brought no response, or why its body ended early. */
export interface UpstreamFailure {
  /** nginx's word for it. */
  readonly condition: TransportCondition
  readonly phase: Phase
  /** RFC 9209 proxy error type. */
  readonly type: FailureType
  /** A byte of the request may have reached the peer. False means: the peer cannot have acted on it. */
  readonly requestSent: boolean
  /** The attempt went out on a kept-alive connection that had served before. */
  readonly reusedConnection: boolean
  /** At least one byte of a response had come. */
  readonly responseStarted: boolean
  readonly cause: Error | undefined
}

/** The signature of a stale kept-alive connection: it had served before, and not one response byte came. */
export function isStaleConnection(failure: UpstreamFailure): boolean {
  return failure.reusedConnection && !failure.responseStarted && failure.condition === 'error'
}

/** Gets the body of an {@link UpstreamResponse}, chunk by chunk. Exactly one of `end` and `fail` comes last. */
export interface BodySink {
  /** Returns false to ask for a pause; {@link UpstreamResponse.resume} goes on. */
  data(chunk: Buffer): boolean
  /** The body is complete. `rawTrailers`: name, value, name, value …; empty for none. */
  end(rawTrailers: readonly string[]): void
  /** The body ends here although more was announced. */
  fail(failure: UpstreamFailure): void
}

/** A response whose head has arrived. Nothing of it has been sent to the client, and its body rests until asked for. */
export interface UpstreamResponse {
  readonly status: number
  /** Reason phrase; may be empty. */
  readonly statusMessage: string
  /** Name, value, name, value …, in the peer's order and case. Hop-by-hop fields included. */
  readonly rawHeaders: readonly string[]
  /** The body is in memory: {@link UpstreamResponse.whole} can be asked for. */
  readonly isWhole?: boolean
  /** The complete body, where it is in memory; then nothing needs to be started. Whoever asks for it takes it. */
  readonly whole?: Buffer
  /** After 101 (Switching Protocols): the connection, what came behind the head first. There is no body. */
  readonly tunnel?: Duplex
  /** Starts the flow of the body. At most once, and not after {@link UpstreamResponse.discard}. */
  start(sink: BodySink): void
  /** Goes on after a `data` that returned false. */
  resume(): void
  /** The body is not wanted (any more): the attempt is over and its connection given up. Idempotent. */
  discard(): void
}

/** The result of an attempt that has brought a response. For transports that have to be cheap; a literal does as well. */
export class ResponseArrived {
  readonly kind = 'response'
  readonly response: UpstreamResponse

  constructor(response: UpstreamResponse) {
    this.response = response
  }
}

export type AttemptResult =
  | { readonly kind: 'response'; readonly response: UpstreamResponse }
  | { readonly kind: 'failure'; readonly failure: UpstreamFailure }
  /** The client left, or the deadline of the whole request passed: see the signal. */
  | { readonly kind: 'aborted' }
