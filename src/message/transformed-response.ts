/** Responses as a hook has left them. */
import type { Duplex } from 'node:stream'
import type { UpstreamResponseHead } from '../message-options.js'
import type {
  BodySink,
  UpstreamFailure,
  UpstreamResponse,
} from '../next-upstream/attempt-result.js'
import { ChangeError } from './change-error.js'
import { bytesOf } from './replaced-body.js'

/**
 * The response with the status, the reason, the fields (`rawHeaders`) and the body of `head`. What goes wrong in a
 * Duplex is a failure of type `proxy_internal_error`; where the peer fails, the Duplex is destroyed, and ends nothing.
 */
export function transformedResponse(
  response: UpstreamResponse,
  head: UpstreamResponseHead,
): UpstreamResponse {
  const { body } = head
  if (body === undefined) return new ChangedResponse(response, head, response.whole)
  if (body === null || typeof body === 'string' || body instanceof Uint8Array) {
    response.discard()
    return new ChangedResponse(response, head, bytesOf(body ?? ''))
  }
  return new PipedResponse(response, head, body)
}

/** Another head, and perhaps another body. */
class ChangedResponse implements UpstreamResponse {
  readonly status: number
  readonly statusMessage: string
  readonly rawHeaders: readonly string[]
  declare readonly whole?: Buffer
  readonly #response: UpstreamResponse

  constructor(response: UpstreamResponse, head: UpstreamResponseHead, whole: Buffer | undefined) {
    this.status = head.status
    this.statusMessage = head.statusMessage
    this.rawHeaders = head.headers.raw
    this.#response = response
    if (whole !== undefined) this.whole = whole
  }

  start(sink: BodySink): void {
    if (this.whole === undefined) {
      this.#response.start(sink)
      return
    }
    sink.data(this.whole)
    sink.end([])
  }

  resume(): void {
    this.#response.resume()
  }

  discard(): void {
    this.#response.discard()
  }
}

/** The peer's body on its way through a stream of the user's, with back-pressure. */
class PipedResponse implements UpstreamResponse {
  readonly status: number
  readonly statusMessage: string
  readonly rawHeaders: readonly string[]
  readonly #response: UpstreamResponse
  readonly #duplex: Duplex
  #sink: BodySink | undefined
  #trailers: readonly string[] = []
  #received = false
  /** What the stream broke with, if it did so before it was started. */
  #broken: Error | undefined
  #over = false

  constructor(response: UpstreamResponse, head: UpstreamResponseHead, duplex: Duplex) {
    this.status = head.status
    this.statusMessage = head.statusMessage
    this.rawHeaders = head.headers.raw
    this.#response = response
    this.#duplex = duplex
    duplex.on('error', (cause: Error) => {
      this.#break(cause)
    })
    duplex.on('close', () => {
      this.#break(new Error('the stream of onUpstreamResponse was closed before its end'))
    })
  }

  start(sink: BodySink): void {
    const duplex = this.#duplex
    this.#sink = sink
    if (this.#broken === undefined && duplex.destroyed) {
      this.#broken = new Error('the stream of onUpstreamResponse was destroyed before it was used')
    }
    if (this.#broken !== undefined) {
      this.#break(this.#broken)
      return
    }
    duplex.on('data', (chunk: unknown) => {
      this.#onData(chunk)
    })
    duplex.on('end', () => {
      this.#onEnd()
    })
    duplex.on('drain', () => {
      if (!this.#over) this.#response.resume()
    })
    this.#receive()
  }

  resume(): void {
    if (!this.#over) this.#duplex.resume()
  }

  discard(): void {
    this.#over = true
    this.#response.discard()
    this.#duplex.destroy()
  }

  /** From the peer into the stream. */
  #receive(): void {
    const duplex = this.#duplex
    // It may have ended by itself, with what it wanted to know.
    const takes = (): boolean => !this.#over && !duplex.writableEnded && !duplex.destroyed
    this.#response.start({
      data: (chunk) => !takes() || duplex.write(chunk),
      end: (rawTrailers) => {
        this.#received = true
        this.#trailers = rawTrailers
        if (takes()) duplex.end()
      },
      fail: (failure) => {
        if (this.#over) return
        this.#over = true
        duplex.destroy()
        this.#sink?.fail(failure)
      },
    })
  }

  // ---- out of the stream

  #onData(chunk: unknown): void {
    if (this.#over) return
    if (typeof chunk !== 'string' && !(chunk instanceof Uint8Array)) {
      this.#break(
        new ChangeError('onUpstreamResponse', 'a stream must bring texts or bytes', chunk),
      )
      return
    }
    if (this.#sink?.data(bytesOf(chunk)) === false) this.#duplex.pause()
  }

  #onEnd(): void {
    if (this.#over) return
    this.#over = true
    if (!this.#received) this.#response.discard()
    this.#sink?.end(this.#trailers)
  }

  #break(cause: Error): void {
    this.#broken ??= cause
    if (this.#over || this.#sink === undefined) return
    this.#over = true
    this.#response.discard()
    this.#duplex.destroy()
    this.#sink.fail(failureOf(cause))
  }
}

/** Not the peer's fault, and past all tries: its head is with the client. */
function failureOf(cause: Error): UpstreamFailure {
  return {
    condition: 'error',
    phase: 'body',
    type: 'proxy_internal_error',
    requestSent: true,
    reusedConnection: false,
    responseStarted: true,
    cause,
  }
}
