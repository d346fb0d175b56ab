/** The peers of one tier, primaries or backups, in configured order; and those among them that may get requests. */
import type { PeerGroup } from './peer-selector.js'
import type { PeerListing, PeerState } from './peer.js'

export class PeerTier implements PeerGroup, PeerListing {
  /** 0 for primaries, 1 for backups, and so on. */
  readonly priority: number
  /** Too few of its peers are fit: then marks and health are not asked. */
  panicking = false
  #peers: readonly PeerState[] = []
  #totalWeight = 0
  #version = 0
  #inFlight = 0
  #liveWeight = 0
  readonly #live: PeerState[] = []

  constructor(priority: number, peers: readonly PeerState[] = []) {
    this.priority = priority
    this.replace(peers)
  }

  get peers(): readonly PeerState[] {
    return this.#peers
  }

  get live(): readonly PeerState[] {
    return this.#live
  }

  get totalWeight(): number {
    return this.#totalWeight
  }

  get version(): number {
    return this.#version
  }

  get inFlight(): number {
    return this.#inFlight
  }

  get liveWeight(): number {
    return this.#liveWeight
  }

  /** Other peers, or the same ones with other weights. `peers` is in the order of their `index`. */
  replace(peers: readonly PeerState[]): void {
    this.#peers = peers
    this.#version++
    this.#totalWeight = 0
    this.#inFlight = 0
    this.#liveWeight = 0
    this.#live.length = 0
    for (const peer of peers) {
      this.#totalWeight += peer.weight
      this.#inFlight += peer.connections
      if (!peer.live) continue
      this.#liveWeight += peer.weight
      this.#live.push(peer)
    }
  }

  counted(change: 1 | -1): void {
    this.#inFlight += change
  }

  admit(peer: PeerState): void {
    this.#liveWeight += peer.weight
    this.#live.splice(this.#position(peer), 0, peer)
  }

  dismiss(peer: PeerState): void {
    const at = this.#position(peer)
    if (this.#live[at] !== peer) return
    this.#liveWeight -= peer.weight
    this.#live.splice(at, 1)
  }

  /** Where it is, or would be. */
  #position({ index }: PeerState): number {
    let low = 0
    let high = this.#live.length
    while (low < high) {
      const middle = (low + high) >>> 1
      if ((this.#live[middle]?.index ?? Infinity) < index) low = middle + 1
      else high = middle
    }
    return low
  }
}
