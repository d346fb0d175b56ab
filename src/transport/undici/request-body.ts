/** A request body on its way to undici, which wants a stream. */
import { Readable } from 'node:stream'
import type { RequestSink, RequestSource } from '../transport.js'

export interface BodyObserver {
  /** The peer takes no more for now. */
  bodyHeld(): void
  /** It does again. */
  bodyDrained(): void
  bodyOver(): void
}

/** Attaches to its source when undici first asks, which is when the head is about to be written. */
export class RequestBodyStream extends Readable implements RequestSink {
  readonly #source: RequestSource
  readonly #observer: BodyObserver
  #attached = false

  constructor(source: RequestSource, observer: BodyObserver) {
    super()
    this.#source = source
    this.#observer = observer
    // Told in other ways.
    this.on('error', () => undefined)
  }

  override _read(): void {
    if (!this.#attached) {
      this.#attached = true
      this.#source.attach(this)
      return
    }
    this.#observer.bodyDrained()
    this.#source.drained()
  }

  write(chunk: Buffer): boolean {
    if (this.destroyed) return true
    if (this.push(chunk)) return true
    this.#observer.bodyHeld()
    return false
  }

  /** Only a chunked body has trailers, and none is sent here. */
  end(): void {
    if (!this.destroyed) this.push(null)
    this.#observer.bodyOver()
  }
}
