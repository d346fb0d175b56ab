/** Requests that wait for a place: first come, first served, bounded in number and time (nginx Plus `queue`). */
import type { Clock, Timer } from '../clock.js'

/** One who waits. */
export interface Waiter {
  /**
   * Takes what has become free, if there is something for it: true, and it has left the queue. False: it has taken
   * nothing, and keeps its place in the order. Never throws.
   */
  offer(): boolean
  /** It has waited for as long as it may, and has left the queue. */
  timedOut(): void
}

/** What a queue has to know of those whom its waiters wait for. */
export interface QueueSurroundings {
  /** Could anybody be given a request now? Else nobody is asked. */
  hasRoom(): boolean
  /** Brings up to date what time alone has changed. */
  settle(): void
}

/** A mark that runs out tells nobody: whoever waits looks again after this long. */
const LOOK_AGAIN_MS = 1000

/** Share of the latest interval in the mean of them. */
const SMOOTHING = 1 / 8

/**
 * What becomes free is offered in the order of coming and taken in that very moment. So whatever a newcomer finds free
 * is nothing that anybody before it could use, and nobody is overtaken; and a waiter that has left is not there to be
 * offered anything: what it would have had goes to the next.
 */
export class PeerQueue {
  readonly #clock: Clock
  readonly #size: number
  readonly #surroundings: QueueSurroundings
  /** Insertion-ordered, and a waiter that leaves early costs no scan. */
  readonly #waiters = new Map<Waiter, Timer>()
  #look: Timer | undefined
  #offering = false
  /** Wakings so far, those included that came while places were given away. */
  #wakings = 0
  /** When the latest waiter was served, or the first one came; only while somebody waits. */
  #since = 0
  /** Mean milliseconds from one that was served to the next; -1: not known. */
  #interval = -1

  constructor(clock: Clock, size: number, surroundings: QueueSurroundings) {
    this.#clock = clock
    this.#size = size
    this.#surroundings = surroundings
  }

  get length(): number {
    return this.#waiters.size
  }

  get full(): boolean {
    return this.#waiters.size >= this.#size
  }

  /** To the end of the queue, for `ms` milliseconds. False: it is full. */
  join(waiter: Waiter, ms: number): boolean {
    if (this.full) return false
    if (this.#waiters.size === 0) this.#opened()
    this.#waiters.set(
      waiter,
      this.#clock.after(ms, () => {
        this.#expire(waiter)
      }),
    )
    return true
  }

  /** Idempotent. */
  leave(waiter: Waiter): void {
    this.#waiters.get(waiter)?.cancel()
    if (!this.#waiters.delete(waiter) || this.#waiters.size > 0) return
    this.#look?.cancel()
    this.#look = undefined
  }

  /** One place has become free: the eldest who can use it has it. */
  wakeOne(): void {
    this.#wake(1)
  }

  /** There may be room for many: whoever can be served is, the eldest first. */
  wakeAll(): void {
    this.#wake(Infinity)
  }

  /** Milliseconds until one more would be served, at the pace of late; undefined: nobody knows. */
  get expectedWait(): number | undefined {
    return this.#interval < 0 ? undefined : this.#interval * (this.#waiters.size + 1)
  }

  #opened(): void {
    this.#since = this.#clock.now()
    const look = this.#clock.after(LOOK_AGAIN_MS, () => {
      look.refresh()
      this.#surroundings.settle()
      this.wakeAll()
    })
    this.#look = look
  }

  #expire(waiter: Waiter): void {
    // What time has brought back meanwhile is for those who have waited, this one among them.
    this.#surroundings.settle()
    if (!this.#waiters.has(waiter)) return
    this.leave(waiter)
    waiter.timedOut()
  }

  #wake(most: number): void {
    if (this.#waiters.size === 0) return
    this.#wakings++
    if (this.#offering) return
    this.#offering = true
    const before = this.#wakings
    this.#offer(most)
    // A selector of the user's has changed the peers meanwhile. Should it do so each time, the next look is in a second.
    if (this.#wakings !== before) this.#offer(Infinity)
    this.#offering = false
  }

  #offer(most: number): void {
    let served = 0
    for (const waiter of this.#waiters.keys()) {
      if (served >= most || !this.#surroundings.hasRoom()) return
      if (!waiter.offer()) continue
      served++
      this.#served(waiter)
    }
  }

  #served(waiter: Waiter): void {
    this.leave(waiter)
    const now = this.#clock.now()
    const interval = now - this.#since
    this.#since = now
    this.#interval =
      this.#interval < 0 ? interval : this.#interval + (interval - this.#interval) * SMOOTHING
  }
}
