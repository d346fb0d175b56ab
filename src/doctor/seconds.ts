/** What was answered, by second and peer, for the last while; and which paths ever were. */
import type { Served } from './case-file.js'
import { ownCopy } from './evidence.js'
import type { Second } from './report.js'

/** Seconds that are kept, and no more; and paths. */
const MOST_SECONDS = 4000
const MOST_PATHS = 5000
const MOST_PEERS = 200
/** Seconds of a bunch that are reported. */
const MOST_REPORTED = 900

class Bucket {
  served = 0
  lost = 0
  readonly peers = new Map<string, number>()
}

export class ServedSeconds implements Served {
  readonly #buckets = new Map<number, Bucket>()
  readonly #paths = new Map<string, number>()
  #last = NaN
  #pruned = NaN
  #bucket = new Bucket()

  served(time: number, peer: string, path: string): void {
    const bucket = this.#bucketAt(time)
    bucket.served++
    const before = bucket.peers.get(peer)
    if (before !== undefined) bucket.peers.set(peer, before + 1)
    else if (bucket.peers.size < MOST_PEERS) bucket.peers.set(ownCopy(peer), 1)
    const count = this.#paths.get(path)
    if (count !== undefined) this.#paths.set(path, count + 1)
    else if (this.#paths.size < MOST_PATHS) this.#paths.set(ownCopy(path), 1)
  }

  lost(time: number): void {
    this.#bucketAt(time).lost++
  }

  byPeer(peer: string, from: number, to: number): number {
    let count = 0
    for (const bucket of this.#between(from, to)) count += bucket[1].peers.get(peer) ?? 0
    return count
  }

  ofPath(path: string): number {
    return this.#paths.get(path) ?? 0
  }

  /** In order, those with any request. */
  between(from: number, to: number): Second[] {
    return [...this.#between(from, to)]
      .map(([second, { served, lost }]) => ({ time: second * 1000, served, lost }))
      .sort((a, b) => a.time - b.time)
      .slice(0, MOST_REPORTED)
  }

  /** Forgets what is before. */
  prune(before: number): void {
    const oldest = Math.floor(before / 1000)
    const { size } = this.#buckets
    if (size < 600 || (oldest === this.#pruned && size <= MOST_SECONDS)) return
    this.#pruned = oldest
    for (const second of this.#buckets.keys())
      if (second < oldest || this.#buckets.size > MOST_SECONDS) this.#buckets.delete(second)
  }

  *#between(from: number, to: number): Generator<[number, Bucket]> {
    const first = Math.floor(from / 1000)
    const last = Math.floor(to / 1000)
    for (const entry of this.#buckets) if (entry[0] >= first && entry[0] <= last) yield entry
  }

  #bucketAt(time: number): Bucket {
    const second = Math.floor(time / 1000)
    if (second === this.#last) return this.#bucket
    let bucket = this.#buckets.get(second)
    if (bucket === undefined) {
      bucket = new Bucket()
      this.#buckets.set(second, bucket)
    }
    this.#last = second
    this.#bucket = bucket
    return bucket
  }
}
