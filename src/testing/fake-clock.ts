/** A clock that stands still until a test moves it. */
import type { Clock, Timer } from '../clock.js'

/** What {@link fakeClock} makes. */
export interface FakeClock extends Clock {
  /** Timers that would still fire. */
  readonly pending: number
  /** When the earliest timer is due, on the scale of `now()`; undefined when there is none. */
  readonly nextDue: number | undefined
  /**
   * Moves on by `ms` milliseconds and runs every timer that falls due, in the order of time and then of setting,
   * those included that are set on the way. Each sees its own due time as `now()`. What a callback throws
   * comes out here, and the clock then stands at that timer's time.
   */
  advance(ms: number): void
  /** As `advance`, but promises settle before the first timer, between two, and after the last. */
  advanceAsync(ms: number): Promise<void>
}

/** setTimeout's own limit: beyond it the real clock would fire at once. */
const LONGEST_DELAY = 2_147_483_647
const MOST_TIMERS = 100_000

// Taken at load, so that a test runner's own fake timers do not stop us.
const nextTurn = setImmediate

class FakeTimer implements Timer {
  due = 0
  order = 0
  cancelled = false

  constructor(
    readonly ms: number,
    readonly run: () => void,
    readonly arm: (timer: FakeTimer) => void,
    readonly disarm: (timer: FakeTimer) => void,
  ) {
    arm(this)
  }

  /** As Node's `timeout.refresh()`: a timer that has already fired is set again. */
  refresh(): void {
    if (!this.cancelled) this.arm(this)
  }

  cancel(): void {
    this.cancelled = true
    this.disarm(this)
  }
}

class ManualClock implements FakeClock {
  readonly #timers = new Set<FakeTimer>()
  #now: number
  #order = 0

  constructor(start: number) {
    this.#now = start
  }

  get pending(): number {
    return this.#timers.size
  }

  get nextDue(): number | undefined {
    return this.#earliest()?.due
  }

  now(): number {
    return this.#now
  }

  after(ms: number, run: () => void): Timer {
    if (!(ms <= LONGEST_DELAY)) {
      throw new RangeError(`a delay must be at most ${LONGEST_DELAY} ms, got ${ms}`)
    }
    return new FakeTimer(Math.max(0, ms), run, this.#arm, (timer) => this.#timers.delete(timer))
  }

  readonly #arm = (timer: FakeTimer): void => {
    timer.due = this.#now + timer.ms
    timer.order = this.#order++
    this.#timers.add(timer)
  }

  advance(ms: number): void {
    const end = this.#endOf(ms)
    for (let fired = 0; this.#fireNext(end); fired++) refuseToSpin(fired)
    this.#now = Math.max(this.#now, end)
  }

  async advanceAsync(ms: number): Promise<void> {
    const end = this.#endOf(ms)
    await settle()
    for (let fired = 0; this.#fireNext(end); fired++) {
      refuseToSpin(fired)
      await settle()
    }
    this.#now = Math.max(this.#now, end)
  }

  #endOf(ms: number): number {
    if (!(ms >= 0)) throw new RangeError(`time goes forwards only, got ${ms} ms`)
    return this.#now + ms
  }

  #fireNext(end: number): boolean {
    const timer = this.#earliest()
    if (timer === undefined || timer.due > end) return false
    this.#timers.delete(timer)
    this.#now = Math.max(this.#now, timer.due)
    timer.run()
    return true
  }

  #earliest(): FakeTimer | undefined {
    let first: FakeTimer | undefined
    for (const timer of this.#timers) {
      if (first === undefined || isBefore(timer, first)) first = timer
    }
    return first
  }
}

function isBefore(a: FakeTimer, b: FakeTimer): boolean {
  return a.due === b.due ? a.order < b.order : a.due < b.due
}

function refuseToSpin(fired: number): void {
  if (fired >= MOST_TIMERS) {
    throw new Error(
      `${MOST_TIMERS} timers fired in one advance: one of them sets itself again and again`,
    )
  }
}

/** One turn of the event loop: every promise that can settle without I/O has done so. */
function settle(): Promise<void> {
  return new Promise((resolve) => nextTurn(resolve))
}

/** A clock at `start` milliseconds (default 0) that moves only by `advance` and `advanceAsync`. */
export function fakeClock(start = 0): FakeClock {
  return new ManualClock(start)
}
