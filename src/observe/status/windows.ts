/** Counts of the last minute and of the last minutes. Nothing runs: who reads or writes brings them up to date. */
import { BUCKETS, bucketOf, percentiles, quantile } from './histogram.js'
import type { HistoryReport, Percentiles } from './report.js'

/** The last minute is twelve slots of five seconds. */
const SLOT_MS = 5000
const SLOTS = 12
/** Slots that rates are of, with the one that has begun. */
const RATE_SLOTS = 3
/** Spans of a history. */
export const SPANS = 60

/** A moment, as the windows know it. One is used again and again: requests leave nothing behind. */
export class Moment {
  /** Number of the slot, counted from the start. */
  slot = 0
  /** Number of the span. */
  span = 0
  /** Milliseconds that rates are of. */
  rateMs = 1000

  /** `elapsed`: milliseconds since the start; `spanMs`: length of a span. */
  set(elapsed: number, spanMs: number): this {
    this.slot = Math.floor(elapsed / SLOT_MS)
    this.span = Math.floor(elapsed / spanMs)
    const whole = Math.min(this.slot, RATE_SLOTS - 1) * SLOT_MS
    // In the first second nobody could tell a rate.
    this.rateMs = Math.max(1000, whole + elapsed - this.slot * SLOT_MS)
    return this
  }
}

/** How many, in the last minute. */
class SlidingCount {
  readonly #counts = new Uint32Array(SLOTS)
  #slot = 0

  add(slot: number, count = 1): void {
    this.#advance(slot)
    const at = slot % SLOTS
    this.#counts[at] = (this.#counts[at] ?? 0) + count
  }

  /** Of the last minute. */
  total(slot: number): number {
    return this.#sum(slot, SLOTS)
  }

  perSecond({ slot, rateMs }: Moment): number {
    return Number(((this.#sum(slot, RATE_SLOTS) * 1000) / rateMs).toPrecision(3))
  }

  #sum(slot: number, slots: number): number {
    this.#advance(slot)
    let sum = 0
    for (let i = 0; i < Math.min(slots, slot + 1); i++) sum += this.#counts[(slot - i) % SLOTS] ?? 0
    return sum
  }

  #advance(slot: number): void {
    if (slot <= this.#slot) return
    const gone = Math.min(SLOTS, slot - this.#slot)
    for (let i = 0; i < gone; i++) this.#counts[(slot - i) % SLOTS] = 0
    this.#slot = slot
  }
}

/** How long, in the last minute. */
export class SlidingTimes {
  /** Made when there is something to count: many a peer never has anything. */
  #counts: Uint32Array | undefined
  #slot = 0

  add(slot: number, bucket: number): void {
    this.#counts ??= new Uint32Array(SLOTS * BUCKETS)
    this.#advance(slot, this.#counts)
    const at = (slot % SLOTS) * BUCKETS + bucket
    this.#counts[at] = (this.#counts[at] ?? 0) + 1
  }

  percentiles(slot: number): Percentiles | null {
    if (this.#counts === undefined) return null
    this.#advance(slot, this.#counts)
    const all = new Uint32Array(BUCKETS)
    for (let i = 0; i < this.#counts.length; i++) {
      const count = this.#counts[i] ?? 0
      if (count > 0) all[i % BUCKETS] = (all[i % BUCKETS] ?? 0) + count
    }
    return percentiles(all)
  }

  #advance(slot: number, counts: Uint32Array): void {
    if (slot <= this.#slot) return
    const gone = Math.min(SLOTS, slot - this.#slot)
    for (let i = 0; i < gone; i++) {
      const at = ((slot - i) % SLOTS) * BUCKETS
      counts.fill(0, at, at + BUCKETS)
    }
    this.#slot = slot
  }
}

const NOTHING: HistoryReport = Object.freeze({
  requests: Object.freeze(new Array<number>(SPANS).fill(0)),
  failures: Object.freeze(new Array<number>(SPANS).fill(0)),
  p99: Object.freeze(new Array<number>(SPANS).fill(-1)),
})

/** The spans before the present one, and what is counted of that. */
export class History {
  readonly #requests = new Uint32Array(SPANS + 1)
  readonly #failures = new Uint32Array(SPANS + 1)
  readonly #p99 = new Float32Array(SPANS + 1).fill(-1)
  readonly #times = new Uint32Array(BUCKETS)
  #span: number
  /** The first and the last span in which anything happened: outside of them there is nothing to tell. */
  #last = Number.NEGATIVE_INFINITY
  #first = Number.POSITIVE_INFINITY
  #report = NOTHING
  #reportOf = -1

  constructor(span: number) {
    this.#span = span
  }

  /** `bucket`: -1, it has no time. */
  add(span: number, failed: number, bucket: number): void {
    this.#advance(span)
    this.#last = span
    this.#first = Math.min(this.#first, span)
    const at = span % (SPANS + 1)
    this.#requests[at] = (this.#requests[at] ?? 0) + 1
    this.#failures[at] = (this.#failures[at] ?? 0) + failed
    if (bucket >= 0) this.#times[bucket] = (this.#times[bucket] ?? 0) + 1
  }

  /** The same object as long as nothing in it has changed. */
  report(span: number): HistoryReport {
    this.#advance(span)
    if (this.#first >= span || this.#last < span - SPANS) return NOTHING
    if (this.#reportOf !== span) {
      this.#reportOf = span
      const order = Array.from({ length: SPANS }, (_, i) => (span + 1 + i) % (SPANS + 1))
      this.#report = {
        requests: order.map((at) => this.#requests[at] ?? 0),
        failures: order.map((at) => this.#failures[at] ?? 0),
        p99: order.map((at) => Number((this.#p99[at] ?? -1).toPrecision(2))),
      }
    }
    return this.#report
  }

  #advance(span: number): void {
    if (span <= this.#span) return
    this.#p99[this.#span % (SPANS + 1)] = quantile(this.#times, 0.99)
    this.#times.fill(0)
    const gone = Math.min(SPANS + 1, span - this.#span)
    for (let i = 0; i < gone; i++) {
      const at = (span - i) % (SPANS + 1)
      this.#requests[at] = 0
      this.#failures[at] = 0
      this.#p99[at] = -1
    }
    this.#span = span
  }
}

/** What went to one peer, or through all of the balancer. */
export class Traffic {
  readonly requests = new SlidingCount()
  readonly failures = new SlidingCount()
  /** Kept connections, or retries. */
  readonly others = new SlidingCount()
  readonly times = new SlidingTimes()
  readonly history: History

  constructor(span: number) {
    this.history = new History(span)
  }

  /** `ms`: -1, it has no time. */
  add({ slot, span }: Moment, ms: number, outcome: 'ok' | 'failed', others: number): void {
    this.requests.add(slot)
    if (others > 0) this.others.add(slot, others)
    const bucket = ms < 0 ? -1 : bucketOf(ms)
    if (bucket >= 0) this.times.add(slot, bucket)
    if (outcome === 'failed') this.failures.add(slot)
    this.history.add(span, outcome === 'failed' ? 1 : 0, bucket)
  }
}
