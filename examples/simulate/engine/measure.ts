/** What is written down of the requests, and what is made of it. */

export interface Latencies {
  readonly mean: number
  readonly p50: number
  readonly p99: number
}

/** Of all requests that came from `from` on and before `to`, in milliseconds of the simulation. */
export interface Span {
  readonly from: number
  readonly to: number
}

export class Recorder {
  readonly cameAt: Float64Array
  readonly took: Float64Array
  failures = 0
  retries = 0
  /** Times that each request ended: more than once would be a mistake. */
  readonly #ends: Uint8Array

  constructor(requests: number) {
    this.cameAt = new Float64Array(requests)
    this.took = new Float64Array(requests)
    this.#ends = new Uint8Array(requests)
  }

  came(n: number, now: number): void {
    this.cameAt[n] = now
  }

  ended(n: number, now: number, outcome: 'served' | 'failed', attempts: number): void {
    this.#ends[n] = (this.#ends[n] ?? 0) + 1
    this.took[n] = now - (this.cameAt[n] ?? 0)
    if (outcome === 'failed') this.failures++
    if (attempts > 1) this.retries += attempts - 1
  }

  /** Requests that have not ended exactly once. */
  get unbalanced(): number {
    return this.#ends.reduce((sum, ends) => sum + (ends === 1 ? 0 : 1), 0)
  }

  latencies({ from, to }: Span): Latencies {
    const taken = this.took.filter((_, n) => {
      const at = this.cameAt[n] ?? 0
      return at >= from && at < to
    })
    return percentiles(taken)
  }

  /** The p99 of each step of time, for a line over time. */
  course(step: number): number[] {
    const steps = Math.floor((this.cameAt.at(-1) ?? 0) / step) + 1
    const taken = Array.from({ length: steps }, (): number[] => [])
    for (const [n, at] of this.cameAt.entries())
      taken[Math.floor(at / step)]?.push(this.took[n] ?? 0)
    return taken.map((each) => percentiles(Float64Array.from(each)).p99)
  }
}

export function percentiles(values: Float64Array): Latencies {
  const sorted = values.slice().sort()
  const at = (share: number): number =>
    sorted[Math.min(sorted.length - 1, Math.ceil(share * sorted.length) - 1)] ?? 0
  const mean = sorted.reduce((sum, each) => sum + each, 0) / Math.max(1, sorted.length)
  return { mean, p50: at(0.5), p99: at(0.99) }
}
