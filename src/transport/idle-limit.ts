/** Learns how long a peer really keeps an idle connection, from what it says and from what it does. */
import type { Clock } from '../clock.js'

/** Closed sooner than this after a response: a peer that does not keep connections, not an idle limit. */
const LEAST_LIMIT_MS = 5
/** Two closings agree when their ages differ by less than a fifth, or than this. */
const SAME_AGE_MS = 20
/** Closings nearer than this to each other are one event: a peer that stops closes everything at once. */
const SAME_EVENT_MS = 50
/** What was learnt is forgotten after this long, so that a peer's new setting is found out. */
const FORGET_AFTER_MS = 10 * 60_000

/** Milliseconds throughout. */
export class IdleLimit {
  readonly #clock: Clock
  #announced = Number.POSITIVE_INFINITY
  #learnt = Number.POSITIVE_INFINITY
  #learntAt = 0
  #lastAge = Number.NEGATIVE_INFINITY
  #lastAt = Number.NEGATIVE_INFINITY

  constructor(clock: Clock) {
    this.#clock = clock
  }

  /** The peer's `Keep-Alive: timeout=N`. */
  announced(ms: number): void {
    this.#announced = ms
  }

  /** The peer closed a connection that had been idle for `age`. Returns true when that taught something. */
  closedAt(age: number): boolean {
    if (age < LEAST_LIMIT_MS) return false
    const now = this.#clock.now()
    const agrees = Math.abs(age - this.#lastAge) < Math.max(SAME_AGE_MS, this.#lastAge / 5)
    // One closing may be a restart, and a restart closes many: only the same age at another time is a rule.
    const believed = agrees && now - this.#lastAt > SAME_EVENT_MS
    const youngest = agrees ? Math.min(age, this.#lastAge) : age
    this.#lastAge = youngest
    if (!agrees || believed) this.#lastAt = now
    if (!believed || youngest >= this.#learnt) return false
    this.#learnt = youngest
    this.#learntAt = now
    return true
  }

  /** How long an idle connection may still be used: the limit less a margin. Infinity when nothing is known. */
  safeAge(): number {
    if (
      this.#learnt !== Number.POSITIVE_INFINITY &&
      this.#clock.now() - this.#learntAt > FORGET_AFTER_MS
    ) {
      this.#learnt = Number.POSITIVE_INFINITY
    }
    const limit = Math.min(this.#announced, this.#learnt)
    if (limit === Number.POSITIVE_INFINITY) return limit
    return Math.max(0, limit - Math.min(1000, Math.max(10, limit / 5)))
  }
}
