/** The way between a worker and the hub of its zones. */

/**
 * A two-way channel that keeps the order of messages and loses none while it is open. Messages are plain data: what JSON
 * can carry. `process.send` is one; a `MessagePort` of worker_threads can be made one.
 */
export interface ZoneChannel {
  /**
   * Sends one message. `sent` is called when the next one may follow: that is how a slow reader holds its writer back,
   * who then sums up what he has to say. Must not throw, nor call back in its own time a second time.
   */
  send(message: object, sent: () => void): void
  /** Calls `listener` with each message that comes, also with those of others. Returns how to stop that. */
  onMessage(listener: (message: unknown) => void): () => void
  /** Calls `listener` once when the other end is gone. Returns how to stop that. */
  onClose?(listener: () => void): () => void
}

/** One message at a time, and nobody waits: what is asked for meanwhile is asked for again when there is room. */
export class Sender {
  readonly #channel: ZoneChannel
  readonly #onRoom: () => void
  #busy = false
  #wanted = false

  constructor(channel: ZoneChannel, onRoom: () => void) {
    this.#channel = channel
    this.#onRoom = onRoom
  }

  /** False: not now; `onRoom` is called when it is worth asking again. */
  get free(): boolean {
    if (this.#busy) this.#wanted = true
    return !this.#busy
  }

  send(message: object): void {
    let over = false
    const sent = (): void => {
      if (over) return
      over = true
      this.#busy = false
      if (!this.#wanted) return
      this.#wanted = false
      this.#onRoom()
    }
    this.#busy = true
    try {
      this.#channel.send(message, sent)
    } catch {
      // A channel that throws is closed: there is nobody to be told.
      sent()
    }
  }
}
