/** A histogram that costs a short loop and three additions: no label is looked up. */

/** Upper bounds in seconds, from what a neighbour answers in to what a client waits for. */
export const DEFAULT_BUCKETS: readonly number[] = [
  0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60,
]

export class Histogram {
  /** Seconds, ascending. Shared by all histograms of a collection. */
  readonly bounds: Float64Array
  /** What has come to lie in each bucket, and last what is beyond all bounds. */
  readonly #counts: Float64Array
  #sum = 0

  constructor(bounds: Float64Array) {
    this.bounds = bounds
    this.#counts = new Float64Array(bounds.length + 1)
  }

  observe(ms: number): void {
    const seconds = ms / 1000
    const { bounds } = this
    let i = 0
    while (i < bounds.length && seconds > (bounds[i] ?? 0)) i++
    this.#counts[i] = (this.#counts[i] ?? 0) + 1
    this.#sum += seconds
  }

  /** Seconds. */
  get sum(): number {
    return this.#sum
  }

  get count(): number {
    return this.#counts.reduce((sum, count) => sum + count, 0)
  }

  /** For each bound, and at last for all: how many were not above it. */
  cumulative(): number[] {
    let total = 0
    return Array.from(this.#counts, (count) => (total += count))
  }
}
