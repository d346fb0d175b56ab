/** The clock of a simulation: time goes from one thing that is due to the next, at no cost for what lies between. */
import type { Clock, Timer } from '../../../src/clock.js'

class Due {
  constructor(
    readonly at: number,
    readonly order: number,
    readonly timer: SimulatedTimer,
  ) {}

  isBefore(other: Due): boolean {
    return this.at === other.at ? this.order < other.order : this.at < other.at
  }
}

class SimulatedTimer implements Timer {
  due: Due | undefined
  #cancelled = false

  constructor(
    readonly ms: number,
    readonly run: () => void,
    readonly arm: (timer: SimulatedTimer) => void,
  ) {
    arm(this)
  }

  refresh(): void {
    if (!this.#cancelled) this.arm(this)
  }

  cancel(): void {
    this.#cancelled = true
    this.due = undefined
  }
}

/** `fakeClock` of the test kit looks through all timers for the next one; here there are thousands, so they are a heap. */
export class SimulatedClock implements Clock {
  readonly #heap: Due[] = []
  #now = 0
  #order = 0

  now(): number {
    return this.#now
  }

  after(ms: number, run: () => void): Timer {
    return new SimulatedTimer(Math.max(0, ms), run, this.#arm)
  }

  /** Runs what is due, one after the other, as long as `goesOn` says so and there is something. */
  runWhile(goesOn: () => boolean): void {
    while (goesOn()) {
      const due = this.#take()
      if (due === undefined) return
      // Cancelled, or set again since.
      if (due.timer.due !== due) continue
      due.timer.due = undefined
      this.#now = due.at
      due.timer.run()
    }
  }

  readonly #arm = (timer: SimulatedTimer): void => {
    timer.due = new Due(this.#now + timer.ms, this.#order++, timer)
    this.#put(timer.due)
  }

  #put(due: Due): void {
    const heap = this.#heap
    let at = heap.length
    while (at > 0) {
      const parent = (at - 1) >>> 1
      const above = heap[parent]
      if (above === undefined || above.isBefore(due)) break
      heap[at] = above
      at = parent
    }
    heap[at] = due
  }

  #take(): Due | undefined {
    const heap = this.#heap
    const first = heap[0]
    const last = heap.pop()
    if (last === undefined || last === first) return first
    let at = 0
    for (;;) {
      let child = 2 * at + 1
      const left = heap[child]
      if (left === undefined) break
      const right = heap[child + 1]
      const less = right?.isBefore(left) === true ? right : left
      if (less === right) child++
      if (last.isBefore(less)) break
      heap[at] = less
      at = child
    }
    heap[at] = last
    return first
  }
}
