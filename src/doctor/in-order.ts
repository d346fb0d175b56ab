/** Puts events in the order of their times, which in logs is nearly the order of the lines. */
import type { LogEvent } from './events.js'

/** Events that are held at most. */
const MOST = 20_000

/**
 * Lines of an access log are written when a request is over, by several workers, some with a buffer: they are out of order
 * by a bounded time. Events are held for that time.
 */
export class InOrder {
  readonly #slack: number
  readonly #emit: (event: LogEvent) => void
  #held: LogEvent[] = []
  #latest = -Infinity
  #flushed = -Infinity

  /** @param slack milliseconds that a line may be late. */
  constructor(slack: number, emit: (event: LogEvent) => void) {
    this.#slack = slack
    this.#emit = emit
  }

  add(event: LogEvent): void {
    this.#held.push(event)
    if (this.#held.length > MOST) this.#release(this.#medianTime())
  }

  /** The logs have been read up to there. */
  reached(time: number): void {
    if (!(time > this.#latest)) return
    this.#latest = time
    if (time - this.#flushed < 1000) return
    this.#flushed = time
    this.#release(time - this.#slack)
  }

  /** Nothing earlier than that will be emitted any more. */
  get settled(): number {
    return this.#flushed - this.#slack
  }

  end(): void {
    this.#release(Infinity)
  }

  #medianTime(): number {
    this.#held.sort(byTime)
    return this.#held[this.#held.length >> 1]?.time ?? Infinity
  }

  #release(until: number): void {
    if (this.#held.length === 0) return
    this.#held.sort(byTime)
    let count = 0
    while (count < this.#held.length && (this.#held[count]?.time ?? Infinity) <= until) count++
    if (count === 0) return
    const ready = this.#held.slice(0, count)
    this.#held = this.#held.slice(count)
    for (const event of ready) this.#emit(event)
  }
}

const byTime = (a: LogEvent, b: LogEvent): number => a.time - b.time
