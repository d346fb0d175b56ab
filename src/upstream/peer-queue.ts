/** Requests that wait for a peer: first come, first served, bounded in number and time (nginx Plus `queue`). */
import type { Clock, Timer } from '../clock.js'

/** How a wait ended. */
export type WaitOutcome = 'ready' | 'timeout' | 'full'

interface Waiter {
  readonly resume: (outcome: WaitOutcome) => void
  timer: Timer | undefined
}

export class PeerQueue {
  readonly #clock: Clock
  readonly #size: number
  /** Insertion-ordered, and a waiter that leaves early costs no scan. */
  readonly #waiters = new Set<Waiter>()

  constructor(clock: Clock, size: number) {
    this.#clock = clock
    this.#size = size
  }

  get length(): number {
    return this.#waiters.size
  }

  get full(): boolean {
    return this.#waiters.size >= this.#size
  }

  /** Calls `resume` exactly once, unless the returned cancel is called before. */
  wait(ms: number, resume: (outcome: WaitOutcome) => void): () => void {
    if (this.full) {
      resume('full')
      return () => undefined
    }
    const waiter: Waiter = { resume, timer: undefined }
    this.#waiters.add(waiter)
    waiter.timer = this.#clock.after(ms, () => {
      if (this.#waiters.delete(waiter)) resume('timeout')
    })
    return () => {
      waiter.timer?.cancel()
      this.#waiters.delete(waiter)
    }
  }

  /** A peer has become usable: everybody looks again, the eldest first. */
  wakeAll(): void {
    for (const waiter of [...this.#waiters]) this.#wake(waiter)
  }

  /** One place has become free. */
  wakeOne(): void {
    for (const waiter of this.#waiters) {
      this.#wake(waiter)
      return
    }
  }

  #wake(waiter: Waiter): void {
    if (!this.#waiters.delete(waiter)) return
    waiter.timer?.cancel()
    waiter.resume('ready')
  }
}
