/** Is a series flat? */

/** What is looked at, at one moment. Bytes, and numbers. */
export interface Sample {
  /** Seconds since the load began. */
  readonly at: number
  /** After the garbage is collected. */
  readonly heapUsed: number
  readonly rss: number
  /** Open files: connections of all kinds, idle ones too. */
  readonly files: number
  /** Of clients. */
  readonly connections: number
}

export type Watched = Exclude<keyof Sample, 'at'>

export interface Verdict {
  readonly what: Watched
  readonly firstMedian: number
  readonly lastMedian: number
  /** Of all samples after the warm-up, by least squares; units an hour. */
  readonly slope: number
  readonly flat: boolean
}

/** The last third may be as much above the first as this. */
const TOLERANCE = 0.05

/** Samples of the warm-up are left out. What shrinks is flat. */
export function verdictOf(samples: readonly Sample[], warmUp: number, what: Watched): Verdict {
  const steady = samples.filter(({ at }) => at >= warmUp)
  const third = Math.floor(steady.length / 3)
  if (third === 0) throw new RangeError('too few samples after the warm-up')
  const of = (part: readonly Sample[]): number[] => part.map((sample) => sample[what])
  const firstMedian = median(of(steady.slice(0, third)))
  const lastMedian = median(of(steady.slice(-third)))
  const flat = lastMedian <= firstMedian * (1 + TOLERANCE)
  return { what, firstMedian, lastMedian, slope: slopeOf(steady, what) * 3600, flat }
}

export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b)
  const middle = Math.floor(sorted.length / 2)
  const upper = sorted[middle] ?? NaN
  return sorted.length % 2 === 1 ? upper : ((sorted[middle - 1] ?? NaN) + upper) / 2
}

/** A second. */
export function slopeOf(samples: readonly Sample[], what: Watched): number {
  const count = samples.length
  const mean = (pick: (sample: Sample) => number): number =>
    samples.reduce((sum, sample) => sum + pick(sample), 0) / count
  const time = mean(({ at }) => at)
  const level = mean((sample) => sample[what])
  let above = 0
  let below = 0
  for (const sample of samples) {
    above += (sample.at - time) * (sample[what] - level)
    below += (sample.at - time) ** 2
  }
  return below === 0 ? 0 : above / below
}
