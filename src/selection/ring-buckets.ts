/**
 * Many points in order, to be searched, and changed without moving the rest: buckets by the upper bits of the hash. A
 * point is one number, its hash and whose it is: both together have 53 bits, which is what a number holds exactly.
 */

/** Servers that points can belong to. */
export const MOST_OWNERS = 2 ** 21
/** Points in a bucket, on an even ring, when it is laid out; then up to so many times more, or fewer. */
const FILL = 16
const SLACK = 8
const HASHES = 2 ** 32

export function pointOf(hash: number, owner: number): number {
  return hash * MOST_OWNERS + owner
}

export function hashOf(point: number): number {
  return Math.floor(point / MOST_OWNERS)
}

export function ownerOf(point: number): number {
  return point % MOST_OWNERS
}

export class RingBuckets {
  #buckets: number[][] = [[]]
  /** Hashes of one bucket. */
  #width = HASHES
  #laidOutFor = 1
  #size = 0
  /** Where the last search has ended. */
  #found: readonly number[] = []
  #foundAt = 0

  get size(): number {
    return this.#size
  }

  /** Makes room for so many points. */
  expect(size: number): void {
    if (size <= this.#laidOutFor * SLACK && size * SLACK >= this.#laidOutFor) return
    const points = this.#buckets.flat()
    const count = 2 ** Math.max(0, Math.ceil(Math.log2(size / FILL)))
    this.#laidOutFor = Math.max(1, size)
    this.#width = HASHES / count
    this.#buckets = Array.from({ length: count }, () => [])
    // They come in order.
    for (const point of points) this.#bucketOf(hashOf(point)).push(point)
  }

  /** For many points at once; `sort` is to follow. */
  push(point: number): void {
    this.#bucketOf(hashOf(point)).push(point)
    this.#size++
  }

  sort(): void {
    for (const bucket of this.#buckets) sortFew(bucket)
  }

  insert(point: number): void {
    const bucket = this.#bucketOf(hashOf(point))
    bucket.splice(firstFrom(bucket, point), 0, point)
    this.#size++
  }

  remove(point: number): void {
    const bucket = this.#bucketOf(hashOf(point))
    const at = firstFrom(bucket, point)
    if (bucket[at] !== point) return
    bucket.splice(at, 1)
    this.#size--
  }

  /** The first point with this hash or a greater one, around the ring. Undefined: there is none. */
  seek(hash: number): number | undefined {
    const start = Math.floor(hash / this.#width)
    let bucket = this.#buckets[start] ?? []
    let at = firstFrom(bucket, pointOf(hash, 0))
    // Once around: what is before the hash in its own bucket comes last.
    for (let n = 1; at === bucket.length && n <= this.#buckets.length; n++) {
      bucket = this.#buckets[(start + n) % this.#buckets.length] ?? []
      at = 0
    }
    this.#found = bucket
    this.#foundAt = at
    return bucket[at]
  }

  /** The nth point after the one found, if it has the same hash: then it is in the same bucket. */
  twin(n: number): number | undefined {
    const first = this.#found[this.#foundAt]
    const point = this.#found[this.#foundAt + n]
    if (point === undefined || first === undefined) return undefined
    return hashOf(point) === hashOf(first) ? point : undefined
  }

  #bucketOf(hash: number): number[] {
    return this.#buckets[Math.floor(hash / this.#width)] ?? []
  }
}

function firstFrom(bucket: readonly number[], point: number): number {
  let low = 0
  let high = bucket.length
  while (low < high) {
    const middle = (low + high) >>> 1
    if ((bucket[middle] ?? 0) < point) low = middle + 1
    else high = middle
  }
  return low
}

/** By insertion: a bucket is small. */
function sortFew(bucket: number[]): void {
  for (let i = 1; i < bucket.length; i++) {
    const point = bucket[i] ?? 0
    let at = i
    for (; at > 0; at--) {
      const before = bucket[at - 1] ?? 0
      if (before <= point) break
      bucket[at] = before
    }
    bucket[at] = point
  }
}
