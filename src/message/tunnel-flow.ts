/** One direction of a tunnel, with back-pressure: what is held is what the two streams themselves hold. */
import type { Socket } from 'node:net'
import type { Duplex } from 'node:stream'

/** What a flow tells. */
export interface FlowEvents {
  readonly data: (chunk: Buffer) => void
  /** The other side has taken what waited. */
  readonly room: () => void
  /** A FIN has come. */
  readonly end: () => void
  /** The connection it comes from is closed. At once, if it is already. */
  readonly close: (cause: Error | undefined) => void
}

export class Flow {
  readonly from: Duplex
  readonly to: Duplex
  bytes = 0
  /** A FIN has come, and was passed on. */
  ended = false
  readonly #events: FlowEvents
  #discarding = false
  #closed = false
  #cause: Error | undefined

  constructor(from: Duplex, to: Duplex, events: FlowEvents) {
    this.from = from
    this.to = to
    this.#events = events
  }

  start(): void {
    const { from, to } = this
    // A FIN ends one direction: the other side may have something to say yet.
    from.allowHalfOpen = true
    ;(from as Partial<Socket>).setTimeout?.(0)
    from.on('error', this.#onError)
    from.on('data', this.#onData)
    from.on('end', this.#onEnd)
    from.on('close', this.#onClose)
    to.on('drain', this.#onDrain)
    if (from.readableEnded) this.#onEnd()
    if (from.closed) this.#onClose()
    else from.resume()
  }

  pass(chunk: Buffer): void {
    if (!this.to.writable) return
    this.bytes += chunk.length
    if (!this.to.write(chunk)) this.from.pause()
  }

  /** From now on what comes is read, so that the end is seen, and dropped. */
  discard(): void {
    this.#discarding = true
    this.from.resume()
  }

  stop(): void {
    this.from.off('error', this.#onError)
    this.from.off('data', this.#onData)
    this.from.off('end', this.#onEnd)
    this.from.off('close', this.#onClose)
    this.to.off('drain', this.#onDrain)
  }

  readonly #onData = (chunk: Buffer): void => {
    if (!this.#discarding) this.#events.data(chunk)
  }

  readonly #onDrain = (): void => {
    this.#events.room()
    this.from.resume()
  }

  readonly #onEnd = (): void => {
    this.ended = true
    this.#events.end()
    this.to.end()
  }

  readonly #onError = (error: Error): void => {
    this.#cause ??= error
  }

  /** A socket can be closed and its event still to come. */
  readonly #onClose = (): void => {
    if (this.#closed) return
    this.#closed = true
    this.#events.close(this.#cause)
  }
}
