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
import { ignore } from './request-listeners.js'

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
  /** The body had come with the head, and is read: as `bodyBytes` and `bodyOver`. */
  bodyWhole(length: number): void
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

const kResponse = Symbol('evenkeel.response')

/** The listeners of all responses are the same functions. */
type ReadMessage = IncomingMessage & { [kResponse]?: HttpResponse }

export class HttpResponse implements UpstreamResponse {
  readonly status: number
  readonly statusMessage: string
  readonly rawHeaders: readonly string[]
  readonly #message: ReadMessage
  readonly #owner: ResponseOwner
  #sink: BodySink | undefined
  #cause: Error | undefined
  #over = false
  /** The turn in which the head came is over. */
  #listening = false
  /** The sink has the whole body, and asked for a pause with its last piece. */
  #ending = false

  constructor(message: IncomingMessage, owner: ResponseOwner) {
    this.#message = message
    this.#owner = owner
    this.status = message.statusCode ?? 0
    this.statusMessage = message.statusMessage ?? ''
    this.rawHeaders = message.rawHeaders
    // What came with the head is parsed when this runs. Nothing can happen to the connection before.
    process.nextTick(readOrListen, this)
  }

  start(sink: BodySink): void {
    if (this.#over) return
    this.#sink = sink
    if (this.#listening) this.#flow(sink)
  }

  /**
   * A short body has mostly come with its head: it is taken at one go, and needs no listener. For any other: without one
   * a connection that dies while the response rests would be an uncaught error.
   */
  readOrListen(): void {
    if (this.#over) return
    const message = this.#message
    const sink = this.#sink
    if (
      sink !== undefined &&
      message.complete &&
      !message.destroyed &&
      this.#owner.brokenBy === undefined
    ) {
      this.#readWhole(sink)
      return
    }
    this.#listening = true
    message[kResponse] = this
    message.on('error', onError)
    message.on('close', onClose)
    if (sink !== undefined) this.#flow(sink)
  }

  #readWhole(sink: BodySink): void {
    const chunk = readAll(this.#message)
    this.#over = true
    this.#owner.bodyWhole(chunk?.length ?? 0)
    if (chunk === null || sink.data(chunk)) sink.end(this.#message.rawTrailers)
    else this.#ending = true
  }

  #flow(sink: BodySink): void {
    const message = this.#message
    if (message.destroyed && !message.readableEnded) {
      this.onClose()
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
    message.on('end', onEnd)
  }

  resume(): void {
    if (this.#ending) {
      this.#ending = false
      this.#sink?.end(this.#message.rawTrailers)
    }
    if (this.#over) return
    this.#owner.startReading()
    this.#message.resume()
  }

  discard(): void {
    this.#ending = false
    if (this.#over) return
    if (!this.#listening) this.#message.on('error', ignore)
    this.#finish()
    this.#owner.abandon()
  }

  // ---- what becomes of the message

  onEnd(): void {
    if (this.#over || !this.#message.complete || this.#owner.brokenBy !== undefined) return
    this.#finish()
    this.#sink?.end(this.#message.rawTrailers)
  }

  onError(cause: Error): void {
    this.#cause = cause
  }

  onClose(): void {
    // Without a sink the response still rests (or was complete): whoever starts it is told.
    if (this.#over || this.#sink === undefined) return
    this.#finish()
    const failure = this.#owner.readTimedOut
      ? this.#owner.bodyFailure('timeout', 'connection_read_timeout', this.#cause)
      : this.#owner.bodyFailure(
          'error',
          'http_response_incomplete',
          // The connection's error says why; that of the message, only that it was cut off.
          this.#owner.brokenBy ?? this.#cause,
        )
    this.#sink.fail(failure)
  }

  #finish(): void {
    this.#over = true
    this.#owner.bodyOver()
  }
}

/** All that has come. Node 26 hands out one chunk at a time, earlier ones all of them. */
function readAll(message: IncomingMessage): Buffer | null {
  const first = message.read() as Buffer | null
  if (message.readableLength === 0) return first
  const chunks = first === null ? [] : [first]
  for (;;) {
    const next = message.read() as Buffer | null
    if (next === null) return Buffer.concat(chunks)
    chunks.push(next)
  }
}

function readOrListen(response: HttpResponse): void {
  response.readOrListen()
}

function onEnd(this: ReadMessage): void {
  this[kResponse]?.onEnd()
}

function onError(this: ReadMessage, cause: Error): void {
  this[kResponse]?.onError(cause)
}

function onClose(this: ReadMessage): void {
  this[kResponse]?.onClose()
}
