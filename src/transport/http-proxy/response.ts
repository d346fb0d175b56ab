/** A Node response as the library's value: at rest until started, ended or failed exactly once. */
import type { IncomingMessage } from 'node:http'
import type { Duplex } from 'node:stream'
import type {
  BodySink,
  FailureType,
  UpstreamFailure,
  UpstreamResponse,
} from '../../next-upstream/attempt-result.js'
import type { TransportCondition } from '../../next-upstream/condition.js'

/** What a response needs of the attempt that brought it. */
export interface ResponseOwner {
  /** The read timeout runs, from now. */
  startReading(): void
  /** A slow client is not a slow peer: no read timeout while we do not read. */
  stopReading(): void
  /** The body is complete, or has failed: settles the figures of the record. */
  bodyOver(): void
  /** Bytes have come: the read timeout starts again. */
  bodyBytes(length: number): void
  /** Destroys the connection. */
  abandon(): void
  bodyFailure(
    condition: TransportCondition,
    type: FailureType,
    cause: Error | undefined,
  ): UpstreamFailure
  readonly readTimedOut: boolean
  /** Error of the connection after the head. */
  readonly brokenBy: Error | undefined
}

/** 101 (Switching Protocols): a connection in place of a body. */
export class UpgradeResponse implements UpstreamResponse {
  readonly status: number
  readonly statusMessage: string
  readonly rawHeaders: readonly string[]
  readonly tunnel: Duplex
  readonly #owner: ResponseOwner
  #over = false

  constructor(message: IncomingMessage, tunnel: Duplex, owner: ResponseOwner) {
    this.status = message.statusCode ?? 0
    this.statusMessage = message.statusMessage ?? ''
    this.rawHeaders = message.rawHeaders
    this.tunnel = tunnel
    this.#owner = owner
    // A connection that dies before anybody takes it would otherwise be an uncaught error.
    tunnel.on('error', () => undefined)
  }

  start(sink: BodySink): void {
    sink.end([])
  }

  resume(): void {
    // There is no body.
  }

  discard(): void {
    if (this.#over) return
    this.#over = true
    this.#owner.bodyOver()
    this.tunnel.destroy()
  }
}

export class HttpResponse implements UpstreamResponse {
  readonly status: number
  readonly statusMessage: string
  readonly rawHeaders: readonly string[]
  readonly #message: IncomingMessage
  readonly #owner: ResponseOwner
  #sink: BodySink | undefined
  #cause: Error | undefined
  #over = false

  constructor(message: IncomingMessage, owner: ResponseOwner) {
    this.#message = message
    this.#owner = owner
    this.status = message.statusCode ?? 0
    this.statusMessage = message.statusMessage ?? ''
    this.rawHeaders = message.rawHeaders
    // A connection that dies while the response rests would otherwise be an uncaught error.
    message.on('error', (cause: Error) => {
      this.#cause = cause
    })
    message.on('close', () => {
      this.#closed()
    })
  }

  start(sink: BodySink): void {
    if (this.#over) return
    this.#sink = sink
    const message = this.#message
    if (message.destroyed && !message.readableEnded) {
      this.#closed()
      return
    }
    this.#owner.startReading()
    message.on('data', (chunk: Buffer) => {
      if (this.#over) return
      this.#owner.bodyBytes(chunk.length)
      if (sink.data(chunk)) return
      message.pause()
      this.#owner.stopReading()
    })
    message.on('end', () => {
      if (message.complete && this.#owner.brokenBy === undefined) this.#ended()
    })
  }

  resume(): void {
    if (this.#over) return
    this.#owner.startReading()
    this.#message.resume()
  }

  discard(): void {
    if (this.#over) return
    this.#finish()
    this.#owner.abandon()
  }

  #ended(): void {
    if (this.#over) return
    this.#finish()
    this.#sink?.end(this.#message.rawTrailers)
  }

  #closed(): void {
    // Without a sink the response still rests (or was complete): whoever starts it is told.
    if (this.#over || this.#sink === undefined) return
    this.#finish()
    const failure = this.#owner.readTimedOut
      ? this.#owner.bodyFailure('timeout', 'connection_read_timeout', this.#cause)
      : this.#owner.bodyFailure(
          'error',
          'http_response_incomplete',
          this.#cause ?? this.#owner.brokenBy,
        )
    this.#sink.fail(failure)
  }

  #finish(): void {
    this.#over = true
    this.#owner.bodyOver()
  }
}
