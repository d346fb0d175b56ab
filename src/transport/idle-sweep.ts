/**
 * One timer for all idle connections to a peer. A timer for each would be set and cleared once a request, and nearly
 * never come due.
 */
import type { Clock, Timer } from '../clock.js'

/** Milliseconds, on the clock's scale. */
export class IdleSweep {
  readonly #clock: Clock
  /** Ends what is due; returns when the next one is, Infinity for none. */
  readonly #sweep: (now: number) => number
  #timer: Timer | undefined
  #due = Number.POSITIVE_INFINITY

  constructor(clock: Clock, sweep: (now: number) => number) {
    this.#clock = clock
    this.#sweep = sweep
  }

  /** A connection is to be ended then, should it still be idle. Costs a comparison when another is due before it. */
  expect(due: number): void {
    if (due < this.#due) this.#arm(due, this.#clock.now())
  }

  cancel(): void {
    this.#timer?.cancel()
    this.#timer = undefined
    this.#due = Number.POSITIVE_INFINITY
  }

  #arm(due: number, now: number): void {
    this.#timer?.cancel()
    this.#due = due
    this.#timer = this.#clock.after(Math.min(MOST_MS, Math.max(1, Math.ceil(due - now))), () => {
      this.#run()
    })
  }

  #run(): void {
    this.cancel()
    const now = this.#clock.now()
    const due = this.#sweep(now)
    if (due !== Number.POSITIVE_INFINITY) this.#arm(due, now)
  }
}

/** The longest delay of a timer. */
const MOST_MS = 2_147_483_647
