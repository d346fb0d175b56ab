/** How many requests and failures there were of late: ten counters that go round, whatever the number of requests. */

const PARTS = 10

/** A failure that counts in full. Lesser ones are parts of it: whole numbers, so that what is taken back leaves nothing. */
export const WHOLE = 1_000_000

/** The failures of one peer in the last `length` milliseconds, a tenth of it more or less. */
export class FailureWindow {
  readonly #width: number
  /** Requests of each part, then failures of each part. */
  readonly #counts = new Float64Array(2 * PARTS)
  #part = Number.NEGATIVE_INFINITY
  /** What was noted before the last {@link clear} is not there to be taken back. */
  #era = 0
  #requests = 0
  #failures = 0

  constructor(length: number) {
    this.#width = length / PARTS
  }

  get requests(): number {
    return this.#requests
  }

  /** In parts of {@link WHOLE}. */
  get failures(): number {
    return this.#failures
  }

  get era(): number {
    return this.#era
  }

  /** Another request, of which `failed` parts of {@link WHOLE} count as a failure. Returns the part of time it is in. */
  note(failed: number, now: number): number {
    this.advance(now)
    this.#add(this.#part, 1, failed)
    return this.#part
  }

  /** As though that request had not been. */
  takeBack(failed: number, part: number, era: number): void {
    if (era === this.#era && part > this.#part - PARTS) this.#add(part, -1, -failed)
  }

  clear(): void {
    this.#counts.fill(0)
    this.#requests = 0
    this.#failures = 0
    this.#era++
  }

  /** Forgets what is too long ago. */
  advance(now: number): void {
    const part = Math.floor(now / this.#width)
    if (part <= this.#part) return
    if (part - this.#part >= PARTS) {
      this.#counts.fill(0)
      this.#requests = 0
      this.#failures = 0
    } else {
      for (let old = this.#part + 1; old <= part; old++) this.#drop(placeOf(old))
    }
    this.#part = part
  }

  #drop(place: number): void {
    this.#requests -= this.#counts[place] ?? 0
    this.#failures -= this.#counts[PARTS + place] ?? 0
    this.#counts[place] = 0
    this.#counts[PARTS + place] = 0
  }

  #add(part: number, requests: number, failed: number): void {
    const place = placeOf(part)
    this.#counts[place] = (this.#counts[place] ?? 0) + requests
    this.#counts[PARTS + place] = (this.#counts[PARTS + place] ?? 0) + failed
    this.#requests += requests
    this.#failures += failed
  }
}

/** Times before the clock's beginning are times, too. */
function placeOf(part: number): number {
  return ((part % PARTS) + PARTS) % PARTS
}
