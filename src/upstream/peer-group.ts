/** The peers of one tier, primaries or backups, in configured order; and those among them that may get requests. */
import type { PeerGroup } from './peer-selector.js'
import type { PeerListing, PeerState } from './peer.js'

/** A tier, or those peers of it that a request is kept to; with its locality's own peers apart from the others. */
export class LiveGroup implements PeerGroup, PeerListing {
  /** 0 for primaries, 1 for backups, and so on. */
  readonly priority: number
  /** The peers of our own locality, and all others. Undefined: localities are not asked. */
  readonly near: LiveGroup | undefined
  readonly far: LiveGroup | undefined
  readonly #locality: string | undefined
  #peers: readonly PeerState[] = []
  #totalWeight = 0
  #version = 0
  #inFlight = 0
  #liveWeight = 0
  readonly #live: PeerState[] = []

  /** @param locality our own; undefined: localities are not asked. */
  constructor(priority: number, locality?: string) {
    this.priority = priority
    this.#locality = locality
    if (locality === undefined) return
    this.near = new LiveGroup(priority)
    this.far = new LiveGroup(priority)
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

  /** Sum of the weights of those that may get requests now. */
  get liveWeight(): number {
    return this.#liveWeight
  }

  get version(): number {
    return this.#version
  }

  get inFlight(): number {
    return this.#inFlight
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
    this.near?.replace(peers.filter((peer) => this.#isNear(peer)))
    this.far?.replace(peers.filter((peer) => !this.#isNear(peer)))
  }

  /** Are fewer than that per cent of its peers in service fit? */
  hasFitBelow(perCent: number): boolean {
    let inService = 0
    let fit = 0
    for (const each of this.#peers) {
      if (!each.inService) continue
      inService++
      if (each.fit) fit++
    }
    return fit * 100 < inService * perCent
  }

  counted(peer: PeerState, change: number): void {
    this.#inFlight += change
    if (this.#locality !== undefined) this.#part(peer)?.counted(peer, change)
  }

  admit(peer: PeerState): void {
    this.#live.splice(this.#position(peer), 0, peer)
    this.#liveWeight += peer.weight
    if (this.#locality !== undefined) this.#part(peer)?.admit(peer)
  }

  dismiss(peer: PeerState): void {
    const at = this.#position(peer)
    if (this.#live[at] !== peer) return
    this.#live.splice(at, 1)
    this.#liveWeight -= peer.weight
    if (this.#locality !== undefined) this.#part(peer)?.dismiss(peer)
  }

  #part(peer: PeerState): LiveGroup | undefined {
    return this.#isNear(peer) ? this.near : this.far
  }

  /** A peer without a locality stands nowhere near. */
  #isNear({ locality }: PeerState): boolean {
    return locality === this.#locality
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

/** All peers of a tier. */
export class PeerTier extends LiveGroup {
  /** Too few of its peers are fit: then marks and health are not asked. */
  panicking = false
}

/** The tiers of another list of peers: those that were there already stay the same objects. */
export function nextTiers(
  before: readonly PeerTier[],
  byTier: readonly (readonly [priority: number, members: readonly PeerState[]])[],
  ownLocality: string | undefined,
): readonly PeerTier[] {
  const known = new Map(before.map((tier) => [tier.priority, tier]))
  const tiers = byTier.map(([priority, members]) => {
    const tier = known.get(priority) ?? new PeerTier(priority, ownLocality)
    known.delete(priority)
    const listings = [tier]
    for (const peer of members) peer.listings = listings
    tier.replace(members)
    return tier
  })
  // Requests under way may still hold one that is given up.
  for (const tier of known.values()) tier.replace([])
  return tiers
}
