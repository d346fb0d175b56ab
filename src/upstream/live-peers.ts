/** Who the peers are, and which of them may get requests: kept up to date with each change, so that nobody has to look. */
import { Easing } from './easing.js'
import { nextTiers } from './peer-group.js'
import type { PeerTier } from './peer-group.js'
import type { PeerState } from './peer.js'
import { groupByTier } from './subsets.js'

export interface LivePeersRules {
  /** From when on marks let it have requests; -Infinity: nothing is held against it. */
  readonly liveAt: (peer: PeerState) => number
  /** Per cent of a tier's peers: when fewer are fit, all of them are used. 0: never. */
  readonly panicThreshold: number
  /** Our own, when some peers are to be near. */
  readonly locality: string | undefined
  /** Peers of a tier may be used that could not be. */
  readonly onPanic: () => void
}

export class LivePeers {
  readonly #rules: LivePeersRules
  readonly #easing = new Easing()
  #peers: readonly PeerState[] = []
  #version = 0
  /** By priority; the first is never missing. */
  #tiers: readonly PeerTier[] = []
  /** Marked peers that time alone brings back. */
  readonly #marked = new Set<PeerState>()
  /** When one of them, or one that is eased in, is next to be looked at. */
  #lookAt = Infinity
  #hasSecurePeers = false
  /** -1: to be counted. */
  #countUp = -1

  constructor(rules: LivePeersRules) {
    this.#rules = rules
  }

  get peers(): readonly PeerState[] {
    return this.#peers
  }

  /** Another number after each change of membership, or of a peer's parameters. */
  get version(): number {
    return this.#version
  }

  get tiers(): readonly PeerTier[] {
    return this.#tiers
  }

  get hasSecurePeers(): boolean {
    return this.#hasSecurePeers
  }

  get countUp(): number {
    if (this.#countUp < 0) this.#countUp = this.#peers.filter((peer) => !peer.down).length
    return this.#countUp
  }

  // ---- membership

  /** They are the peers from now on, in this order, with the parameters that they have. */
  adopt(peers: readonly PeerState[], now: number): void {
    this.#peers = peers
    this.#countUp = -1
    this.#version++
    this.#hasSecurePeers = peers.some(({ protocol }) => protocol === 'https:')
    for (const [index, peer] of peers.entries()) peer.index = index
    const byTier = groupByTier(peers)
    if (byTier[0]?.[0] !== 0) byTier.unshift([0, []])
    this.#tiers = nextTiers(this.#tiers, byTier, this.#rules.locality)
    for (const peer of peers) this.#look(peer, now)
    for (const tier of this.#tiers) this.#lookForPanic(tier)
  }

  /** They are none any more. To be followed by {@link adopt}. */
  leave(peers: readonly PeerState[]): void {
    for (const peer of peers) {
      peer.removed = true
      peer.live = false
      peer.listings = []
      this.#marked.delete(peer)
      this.#easing.end(peer)
    }
  }

  tierOf(peer: PeerState): PeerTier | undefined {
    return this.#tiers.find(({ priority }) => priority === peer.tier)
  }

  // ---- standing

  /** Too few peers of a tier are fit: marks and health are not asked there. */
  panicsAt(priority: number): boolean {
    if (this.#rules.panicThreshold === 0) return false
    return this.#tiers.find((tier) => tier.priority === priority)?.panicking === true
  }

  isMarked(peer: PeerState): boolean {
    return this.#marked.has(peer)
  }

  /** Something is held against it, or is not any more; or it is full, or is not any more. */
  refresh(peer: PeerState, now: number): void {
    if (this.#look(peer, now)) this.#lookForPanic(this.tierOf(peer))
  }

  /** `down`, draining or health have changed. */
  serviceChanged(peer: PeerState, now: number): void {
    this.#countUp = -1
    this.#look(peer, now)
    this.#lookForPanic(this.tierOf(peer))
  }

  /** Has time brought something about since the last look? */
  isDue(now: number): boolean {
    return now >= this.#lookAt
  }

  /** Brings up to date what time has changed. `markOver` gets each peer whose time is over. */
  settle(now: number, markOver: (peer: PeerState, now: number) => void): void {
    this.#lookAt = this.#easing.step(now)
    for (const peer of this.#marked) {
      if (now < this.#rules.liveAt(peer)) this.#look(peer, now)
      else {
        this.#marked.delete(peer)
        markOver(peer, now)
      }
    }
  }

  /** It is back: its weight rises by and by. */
  ease(peer: PeerState, now: number): void {
    // Where it is the only one there is nobody else who could take its share meanwhile.
    if (peer.slowStart === 0 || this.#peers.length === 1 || !peer.inService || !peer.fit) return
    this.#lookAt = Math.min(this.#lookAt, this.#easing.begin(peer, now))
  }

  /** Returns true when it was fit and is not, or the other way round. */
  #look(peer: PeerState, now: number): boolean {
    if (peer.removed) return false
    const liveAt = this.#rules.liveAt(peer)
    const marked = now < liveAt
    if (marked) {
      this.#marked.add(peer)
      if (liveAt < this.#lookAt) this.#lookAt = liveAt
    } else if (liveAt === Number.NEGATIVE_INFINITY && this.#marked.size > 0) {
      // Of one whose time is over, `settle` says so.
      this.#marked.delete(peer)
    }
    const wasFit = peer.fit
    peer.fit = !marked && peer.healthy
    this.#list(peer)
    return peer.fit !== wasFit
  }

  #list(peer: PeerState): void {
    const usable = peer.inService && !peer.full
    const live = usable && (peer.fit || this.panicsAt(peer.tier))
    if (live === peer.live) return
    peer.live = live
    for (const listing of peer.listings) {
      if (live) listing.admit(peer)
      else listing.dismiss(peer)
    }
  }

  /** Envoy's panic threshold: when too few are fit, the rest would only be buried under what all of them had. */
  #lookForPanic(tier: PeerTier | undefined): void {
    const { panicThreshold, onPanic } = this.#rules
    if (tier === undefined || panicThreshold === 0) return
    const panicking = tier.hasFitBelow(panicThreshold)
    if (panicking === tier.panicking) return
    tier.panicking = panicking
    for (const each of tier.peers) this.#list(each)
    if (panicking) onPanic()
  }
}
