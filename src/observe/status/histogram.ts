/** How long things took, in buckets whose bounds grow by the same factor: a few bytes, whatever comes. */
import type { Percentiles } from './report.js'

/** Buckets to a doubling: a bucket's middle is off by less than a tenth. */
const PER_DOUBLING = 4
const LEAST_MS = 0.1
/** From 0.1 ms to 105 s; what is longer is in the last. */
export const BUCKETS = 80

export function bucketOf(ms: number): number {
  if (!(ms > LEAST_MS)) return 0
  return Math.min(BUCKETS - 1, Math.floor(Math.log2(ms / LEAST_MS) * PER_DOUBLING))
}

/** Milliseconds, in the middle of it. */
function middleOf(bucket: number): number {
  return LEAST_MS * 2 ** ((bucket + 0.5) / PER_DOUBLING)
}

/** The value that this share of the counted is not above; -1: nothing was counted. */
export function quantile(counts: Uint32Array, share: number): number {
  const total = counts.reduce((sum, count) => sum + count, 0)
  if (total === 0) return -1
  let left = Math.ceil(total * share)
  for (let bucket = 0; bucket < BUCKETS; bucket++) {
    left -= counts[bucket] ?? 0
    if (left <= 0) return rounded(middleOf(bucket))
  }
  return rounded(middleOf(BUCKETS - 1))
}

/** Two digits: there are no more in it. */
function rounded(ms: number): number {
  return Number(ms.toPrecision(2))
}

export function percentiles(counts: Uint32Array): Percentiles | null {
  const p50 = quantile(counts, 0.5)
  if (p50 < 0) return null
  return { p50, p90: quantile(counts, 0.9), p99: quantile(counts, 0.99) }
}
