/** The peers' weights laid end to end: who stands at a place is found without walking (nginx `random`'s ranges). */
import type { Peer, PeerGroup } from '../upstream/peer-selector.js'

export class WeightRanges {
  readonly #peers: readonly Peer[]
  /** Where each peer's range ends. */
  readonly #ends: Float64Array

  /** As in nginx, peers that are down have their range, too: the others' stay where they are. */
  constructor({ peers }: PeerGroup) {
    this.#peers = peers
    this.#ends = new Float64Array(peers.length)
    let end = 0
    let at = 0
    for (const peer of peers) {
      end += peer.weight
      this.#ends[at++] = end
    }
  }

  /** `place` is at least 0 and less than the sum of the weights. */
  at(place: number): Peer | undefined {
    let low = 0
    let high = this.#ends.length - 1
    while (low < high) {
      const middle = (low + high) >>> 1
      if ((this.#ends[middle] ?? 0) > place) high = middle
      else low = middle + 1
    }
    return this.#peers[low]
  }
}

export function weightRanges(group: PeerGroup): WeightRanges {
  return new WeightRanges(group)
}
