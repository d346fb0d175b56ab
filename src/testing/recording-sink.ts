/** Takes a request body as a transport does, and keeps what it took. */
import type { Attempt, RequestSink } from '../transport/transport.js'

export interface RequestBodyOptions {
  /** What becomes of request bodies: kept, only counted, or never asked for. Default `'keep'`. */
  requestBody?: 'keep' | 'count' | 'ignore'
  /** Every `write` asks for a pause, which `drained` ends a moment later. Default false. */
  backpressure?: boolean
}

export class RecordingSink implements RequestSink {
  length = 0
  ended = false
  trailers: readonly string[] = []
  readonly #attempt: Attempt
  readonly #options: RequestBodyOptions
  readonly #chunks: Buffer[] = []
  #attached = false
  #onEnd: (() => void) | undefined

  constructor(attempt: Attempt, options: RequestBodyOptions) {
    this.#attempt = attempt
    this.#options = options
  }

  get bytes(): Buffer {
    return Buffer.concat(this.#chunks)
  }

  /** Starts taking the body; `onEnd` runs when it is complete, or at once when there is none to take. */
  take(onEnd?: () => void): void {
    const { body } = this.#attempt
    if (body.framing === 'none' || this.#options.requestBody === 'ignore') {
      this.ended = body.framing === 'none'
      onEnd?.()
      return
    }
    this.#onEnd = onEnd
    this.#attached = true
    body.attach(this)
  }

  /** Wants no more. */
  leave(): void {
    this.#onEnd = undefined
    if (!this.#attached) return
    this.#attached = false
    this.#attempt.body.detach()
  }

  write(chunk: Buffer): boolean {
    this.#check('write')
    this.length += chunk.length
    this.#attempt.record.bytesSent += chunk.length
    // A copy: the source may use its memory again.
    if (this.#options.requestBody !== 'count') this.#chunks.push(Buffer.from(chunk))
    if (this.#options.backpressure !== true) return true
    queueMicrotask(() => {
      if (this.#attached) this.#attempt.body.drained()
    })
    return false
  }

  end(rawTrailers: readonly string[]): void {
    this.#check('end')
    this.ended = true
    this.trailers = rawTrailers
    const { framing, length } = this.#attempt.body
    if (framing === 'known' && this.length !== length) {
      throw new Error(`the request body has ${this.length} bytes, but ${length} were announced`)
    }
    const onEnd = this.#onEnd
    this.#onEnd = undefined
    onEnd?.()
  }

  /** A source that breaks the contract must not go unnoticed. */
  #check(what: string): void {
    if (this.ended) throw new Error(`${what}() on a request sink that has ended`)
    if (!this.#attached) throw new Error(`${what}() on a request sink that was detached`)
  }
}
