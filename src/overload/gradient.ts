/**
 * A limit of requests in flight that follows the latency: Netflix's Gradient2 (concurrency-limits), with averages over
 * windows of time as in Envoy's gradient controller. Little's law: where a peer has all that it can work on, more in
 * flight only makes them wait there.
 *
 * Why this one: Vegas and Envoy compare with the least latency ever seen, which has to be measured anew by letting next
 * to nothing through; AIMD sees nothing before requests are lost. A long average needs neither.
 */

/** Times in milliseconds. */
export interface GradientSettings {
  readonly min: number
  readonly max: number
  readonly initial: number
  /** How many times the usual latency is still no reason to let less in. */
  readonly tolerance: number
  /** Latencies are averaged over this time, and then the limit is set. */
  readonly window: number
}

/** Fewer of them say nothing. */
const LEAST_SAMPLES = 10
/** Share of a window's average in the usual latency. */
const LONG = 1 / 60
/** Share of what was computed in the new limit. */
const SMOOTHING = 0.2
/** No window lets less in than half of what was. */
const LEAST_GRADIENT = 0.5
/** Of an attempt that timed out in the window: AIMD's answer. */
const BACK_OFF = 0.9

export class Gradient {
  readonly #settings: GradientSettings
  #limit: number
  /** The usual latency; 0: not known yet. */
  #usual = 0
  #windowEnd = Number.NEGATIVE_INFINITY
  #sum = 0
  #samples = 0
  #timeouts = 0
  #mostInFlight = 0

  constructor(settings: GradientSettings) {
    this.#settings = settings
    this.#limit = settings.initial
  }

  /** A whole number from `min` to `max`. */
  get limit(): number {
    return Math.floor(this.#limit)
  }

  /** A response head has come after `ms`. Returns true when the limit is higher than before. */
  answered(ms: number, inFlight: number, now: number): boolean {
    this.#begin(now)
    this.#sum += Math.max(0, ms)
    this.#samples++
    return this.#close(inFlight, now)
  }

  /** An attempt has timed out: how long it would have taken nobody knows. */
  timedOut(inFlight: number, now: number): boolean {
    this.#begin(now)
    this.#timeouts++
    return this.#close(inFlight, now)
  }

  #begin(now: number): void {
    if (this.#windowEnd === Number.NEGATIVE_INFINITY) this.#windowEnd = now + this.#settings.window
  }

  #close(inFlight: number, now: number): boolean {
    this.#mostInFlight = Math.max(this.#mostInFlight, inFlight)
    if (now < this.#windowEnd || this.#samples + this.#timeouts < LEAST_SAMPLES) return false
    const before = this.limit
    if (this.#timeouts > 0) this.#set(this.#limit * BACK_OFF)
    else this.#follow(this.#sum / this.#samples)
    this.#windowEnd = now + this.#settings.window
    this.#sum = 0
    this.#samples = 0
    this.#timeouts = 0
    this.#mostInFlight = 0
    return this.limit > before
  }

  #follow(latency: number): void {
    this.#usual = this.#usual === 0 ? latency : this.#usual + (latency - this.#usual) * LONG
    // After a long overload what is usual has grown with it: it comes down sooner than it went up.
    if (this.#usual > latency * 2) this.#usual *= 0.95
    // Where the limit limits nothing, nothing is learnt of it.
    if (this.#mostInFlight < this.#limit / 2) return
    const allowed = this.#settings.tolerance * this.#usual
    const ratio = latency === 0 ? 1 : allowed / latency
    const gradient = Math.max(LEAST_GRADIENT, Math.min(1, ratio))
    // What may wait at the peers, and by which the limit is raised while all is well.
    const room = Math.sqrt(this.#limit)
    const next = this.#limit * gradient + room
    this.#set(this.#limit * (1 - SMOOTHING) + next * SMOOTHING)
  }

  #set(limit: number): void {
    const { min, max } = this.#settings
    this.#limit = Math.min(max, Math.max(min, limit))
  }
}
