/**
 * Time as a value that can be handed in, so that tests turn the clock by hand.
 * With the composition root this is the only place that touches the platform's timers.
 */

/** One pending timer. */
export interface Timer {
  /** Starts the full delay again from now. Has no effect after {@link Timer.cancel}. */
  refresh(): void
  /** The callback will not run any more. Idempotent. */
  cancel(): void
}

/** Where all times in the library come from. Milliseconds throughout. */
export interface Clock {
  /** Monotonic milliseconds since an arbitrary start; never steps back. */
  now(): number
  /** Runs `run` once after `ms` milliseconds unless cancelled. Never keeps the process alive. */
  after(ms: number, run: () => void): Timer
}

class SystemTimer implements Timer {
  readonly #timeout: NodeJS.Timeout
  #cancelled = false

  constructor(ms: number, run: () => void) {
    this.#timeout = setTimeout(run, ms)
    this.#timeout.unref()
  }

  refresh(): void {
    // Node would start a cancelled one again.
    if (!this.#cancelled) this.#timeout.refresh()
  }

  cancel(): void {
    this.#cancelled = true
    clearTimeout(this.#timeout)
  }
}

/** The platform's monotonic clock. */
export const systemClock: Clock = {
  now: () => performance.now(),
  after: (ms, run) => new SystemTimer(ms, run),
}

/** Milliseconds since 1970, for what people read; it may step back. */
export const wallTime = (): number => Date.now()
