/** The group of peers with everything that is theirs: weights, failures, connections, the queue. */
import type { Clock } from '../clock.js'
import { evenkeelAvailability, nginxAvailability } from './availability.js'
import type { Answer, Availability, Charge } from './availability.js'
import { Easing } from './easing.js'
import { mergePeers } from './membership.js'
import type { PeerEntry } from './membership.js'
import { PeerTier } from './peer-group.js'
import { PeerQueue } from './peer-queue.js'
import type { PeerSelector } from './peer-selector.js'
import { PeerState } from './peer.js'
import type { FailedStep, Peer, PeerOwner, PeerParameters, PeerStatus } from './peer.js'
import type { EjectReason, ReturnReason, UpstreamObserver } from './upstream.js'

export interface PeerGroupSettings {
  readonly name: string
  readonly peers: readonly PeerEntry[]
  readonly whenNoneLive: 'try' | 'wait' | 'fail'
  readonly queue: { readonly size: number; readonly timeout: number }
  /** Per cent of a tier's peers: when fewer are fit, all of them are used. 0: never. */
  readonly panicThreshold?: number
  /** In place of the standard rule of marking peers. */
  readonly availability?: Availability | undefined
  readonly nginx: boolean
}

/** The state behind an `Upstream`. Synchronous throughout: no promise, no I/O. */
export class PeerRegistry implements PeerOwner {
  readonly name: string
  readonly selector: PeerSelector
  readonly whenNoneLive: 'try' | 'wait' | 'fail'
  readonly nginx: boolean
  readonly queue: PeerQueue
  /** Milliseconds that a request may wait in the queue. */
  readonly queueTimeout: number
  readonly observers = new Set<UpstreamObserver>()
  readonly clock: Clock
  readonly #availability: Availability
  readonly #panicThreshold: number
  readonly #easing = new Easing()
  #peers: readonly PeerState[] = []
  /** By priority; the first is never missing. */
  #tiers: readonly PeerTier[] = [new PeerTier(0)]
  /** Marked peers that time alone brings back. */
  readonly #marked = new Set<PeerState>()
  /** When one of them is next to be looked at. */
  #lookAt = Infinity
  #hasSecurePeers = false

  constructor(settings: PeerGroupSettings, selector: PeerSelector, clock: Clock) {
    this.name = settings.name
    this.clock = clock
    this.selector = selector
    this.whenNoneLive = settings.whenNoneLive
    this.nginx = settings.nginx
    this.queue = new PeerQueue(clock, settings.queue.size)
    this.queueTimeout = settings.queue.timeout
    this.#panicThreshold = settings.panicThreshold ?? 0
    this.#availability =
      settings.availability ??
      (settings.nginx ? nginxAvailability(() => this.single) : evenkeelAvailability)
    this.#adopt(mergePeers([], settings.peers, this).peers)
  }

  get peers(): readonly PeerState[] {
    return this.#peers
  }

  /** Groups of peers, of which a later one is used when none of an earlier one can be. Never empty. */
  get tiers(): readonly PeerTier[] {
    return this.#tiers
  }

  /** Is one of them spoken to over TLS? */
  get hasSecurePeers(): boolean {
    return this.#hasSecurePeers
  }

  /** nginx `single`: one primary and no backup. */
  get single(): boolean {
    return this.#peers.length === 1
  }

  /** The state behind a peer that a selector, a probe or a user hands in; undefined for another upstream's. */
  stateOf(peer: Peer): PeerState | undefined {
    return peer instanceof PeerState && peer.owner === this && !peer.removed ? peer : undefined
  }

  status(peer: PeerState): PeerStatus {
    this.settle(this.clock.now())
    if (peer.down) return 'down'
    if (peer.draining) return 'draining'
    if (!peer.healthy) return 'unhealthy'
    if (!peer.fit) return 'ejected'
    return peer.full ? 'full' : 'up'
  }

  /** Might be given a request although it is marked. */
  usable(peer: PeerState): boolean {
    return peer.inService && !peer.full
  }

  /** Brings up to date what time has changed. Called before peers are asked for. */
  settle(now: number): void {
    if (now < this.#lookAt) return
    this.#lookAt = this.#easing.step(now)
    for (const peer of this.#marked) this.#refresh(peer, now)
  }

  // ---- what attempts come to

  /** An attempt begins. */
  taken(peer: PeerState, now: number): void {
    peer.connections++
    for (const listing of peer.listings) listing.counted?.(1)
    this.#availability.picked(peer, now)
    if (peer.maxConns !== 0 || !isSpotless(peer)) this.#refresh(peer, now)
  }

  /** An attempt is over. */
  freed(peer: PeerState, outcome: 'ok' | 'next' | 'failed'): void {
    const wasFull = peer.full
    peer.connections--
    for (const listing of peer.listings) listing.counted?.(-1)
    if (outcome !== 'failed' && this.#availability.completed(peer))
      this.#returned(peer, 'completed')
    if (wasFull) this.#roomAt(peer)
  }

  answered(peer: PeerState, answer: Answer): void {
    if (this.#availability.answered(peer, answer)) this.#returned(peer, 'answered')
  }

  failed(peer: PeerState, reason: EjectReason, step: FailedStep): Charge {
    const ledger = reason === 'status' ? 'status' : 'transport'
    const now = this.clock.now()
    const charge = this.#availability.failed(peer, ledger, step, now)
    this.#refresh(peer, now)
    if (charge.ejected) for (const observer of this.observers) observer.ejected(peer, reason, step)
    return charge
  }

  refund(peer: PeerState, charge: Charge): void {
    if (this.#availability.refund(peer, charge)) this.#returned(peer, 'refund')
    else this.#refresh(peer, this.clock.now())
  }

  /** A background probe has seen the failed step succeed. */
  proved(peer: Peer): void {
    const state = this.stateOf(peer)
    if (state !== undefined && this.#availability.proved(state)) this.#returned(state, 'probe')
  }

  // ---- who the peers are

  /** Another list: peers of the same address stay, and keep what they have. Returns them all, in the order of `entries`. */
  replace(entries: readonly PeerEntry[]): readonly PeerState[] {
    const { peers, joined, left } = mergePeers(this.#peers, entries, this)
    this.#leave(left)
    this.#adopt(peers)
    const now = this.clock.now()
    for (const peer of joined) this.#ease(peer, now)
    for (const peer of left) for (const observer of this.observers) observer.left?.(peer)
    for (const peer of joined) for (const observer of this.observers) observer.joined?.(peer)
    this.queue.wakeAll()
    return peers
  }

  /** Another peer, behind the others. */
  add({ address, parameters }: PeerEntry): PeerState {
    const peer = new PeerState(address, parameters, this.#peers.length, this)
    this.#adopt([...this.#peers, peer])
    this.#ease(peer, this.clock.now())
    for (const observer of this.observers) observer.joined?.(peer)
    this.queue.wakeAll()
    return peer
  }

  remove(peer: PeerState): void {
    this.#leave([peer])
    this.#adopt(this.#peers.filter((each) => each !== peer))
    for (const observer of this.observers) observer.left?.(peer)
  }

  update(peer: PeerState, parameters: PeerParameters): void {
    const { live } = peer
    peer.configure(parameters)
    this.#adopt(this.#peers)
    if (!live) this.#inServiceAgain(peer, this.clock.now())
    for (const observer of this.observers) observer.changed?.(peer)
    this.queue.wakeAll()
  }

  /** `down`, draining or health: set by whoever is in charge of it. */
  standingChanged(peer: PeerState): void {
    const now = this.clock.now()
    const { live } = peer
    this.#refresh(peer, now)
    this.#lookForPanic(this.#tierOf(peer))
    for (const observer of this.observers) observer.changed?.(peer)
    if (!live) this.#inServiceAgain(peer, now)
  }

  #inServiceAgain(peer: PeerState, now: number): void {
    if (!peer.live) return
    this.#ease(peer, now)
    this.queue.wakeAll()
  }

  #roomAt(peer: PeerState): void {
    if (peer.full) return
    this.#refresh(peer, this.clock.now())
    if (peer.inService) this.queue.wakeOne()
  }

  #leave(peers: readonly PeerState[]): void {
    for (const peer of peers) {
      peer.removed = true
      peer.live = false
      peer.listings = []
      this.#marked.delete(peer)
      this.#easing.end(peer)
    }
  }

  #adopt(peers: readonly PeerState[]): void {
    this.#peers = peers
    this.#hasSecurePeers = peers.some(({ protocol }) => protocol === 'https:')
    const byTier = new Map<number, PeerState[]>([[0, []]])
    for (const [index, peer] of peers.entries()) {
      peer.index = index
      const tier = byTier.get(peer.tier)
      if (tier === undefined) byTier.set(peer.tier, [peer])
      else tier.push(peer)
    }
    const known = new Map(this.#tiers.map((tier) => [tier.priority, tier]))
    const priorities = [...byTier.keys()].sort((a, b) => a - b)
    this.#tiers = priorities.map((priority) => known.get(priority) ?? new PeerTier(priority))
    for (const tier of this.#tiers) {
      const listings = [tier]
      const members = byTier.get(tier.priority) ?? []
      for (const peer of members) peer.listings = listings
      tier.replace(members)
    }
    const now = this.clock.now()
    for (const peer of peers) this.#look(peer, now)
    for (const tier of this.#tiers) this.#lookForPanic(tier)
  }

  // ---- who may get requests

  #refresh(peer: PeerState, now: number): void {
    if (this.#look(peer, now)) this.#lookForPanic(this.#tierOf(peer))
  }

  /** Returns true when it was fit and is not, or the other way round. */
  #look(peer: PeerState, now: number): boolean {
    if (peer.removed) return false
    const liveAt = this.#availability.liveAt(peer)
    const marked = now < liveAt
    if (marked) {
      this.#marked.add(peer)
      if (liveAt < this.#lookAt) this.#lookAt = liveAt
    } else if (this.#marked.size > 0) this.#marked.delete(peer)
    const wasFit = peer.fit
    peer.fit = !marked && peer.healthy
    this.#list(peer)
    return peer.fit !== wasFit
  }

  #list(peer: PeerState): void {
    const live = this.usable(peer) && (peer.fit || this.#panics(peer))
    if (live === peer.live) return
    peer.live = live
    for (const listing of peer.listings) {
      if (live) listing.admit(peer)
      else listing.dismiss(peer)
    }
  }

  #panics(peer: PeerState): boolean {
    return this.#panicThreshold > 0 && this.#tierOf(peer)?.panicking === true
  }

  #tierOf(peer: PeerState): PeerTier | undefined {
    return this.#tiers.find(({ priority }) => priority === peer.tier)
  }

  /** Envoy's panic threshold: when too few are fit, the rest would only be buried under what all of them had. */
  #lookForPanic(tier: PeerTier | undefined): void {
    if (tier === undefined || this.#panicThreshold === 0) return
    let inService = 0
    let fit = 0
    for (const each of tier.peers) {
      if (!each.inService) continue
      inService++
      if (each.fit) fit++
    }
    const panicking = fit * 100 < inService * this.#panicThreshold
    if (panicking === tier.panicking) return
    tier.panicking = panicking
    for (const each of tier.peers) this.#list(each)
  }

  #ease(peer: PeerState, now: number): void {
    // There is nobody else who could take its share meanwhile.
    if (peer.slowStart === 0 || this.single) return
    this.#lookAt = Math.min(this.#lookAt, this.#easing.begin(peer, now))
  }

  #returned(peer: PeerState, reason: ReturnReason): void {
    if (peer.removed) return
    const now = this.clock.now()
    this.#refresh(peer, now)
    this.#ease(peer, now)
    for (const observer of this.observers) observer.returned(peer, reason)
    this.queue.wakeAll()
  }
}

/** Nothing is held against it: a pick changes nothing of its standing. */
function isSpotless(peer: PeerState): boolean {
  return peer.fails === 0 && peer.statusFails === 0 && peer.ejectedUntil === 0
}
