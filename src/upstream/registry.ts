/** The group of peers with everything that is theirs: weights, failures, connections, the queue. */
import type { Clock } from '../clock.js'
import type { Answer, Availability, Charge } from './availability.js'
import { afterFeedback } from './feedback.js'
import type { PeerGroupSettings } from './group-settings.js'
import type { LocalitySettings } from './locality.js'
import { mergePeers } from './membership.js'
import type { MergedPeers, PeerEntry } from './membership.js'
import { LivePeers } from './live-peers.js'
import { markingRule } from './marking-rule.js'
import type { PeerTier } from './peer-group.js'
import { PeerQueue } from './peer-queue.js'
import type { PeerSelector } from './peer-selector.js'
import { PeerState } from './peer.js'
import type { FailedStep, Peer, PeerOwner, PeerParameters, PeerStatus } from './peer.js'
import { adoptStanding, sharedStandingOf } from './sharing.js'
import type { PeerSharing, SharedStanding } from './sharing.js'
import type { Stickiness } from './stickiness.js'
import { Subsets } from './subsets.js'
import type { AllPeers } from './subsets.js'
import type { EjectReason, HealthReason, ReturnReason, UpstreamObserver } from './upstream.js'

/** The state behind an `Upstream`. Synchronous throughout: no promise, no I/O. */
export class PeerRegistry implements PeerOwner, AllPeers {
  readonly name: string
  readonly selector: PeerSelector
  readonly whenNoneLive: 'try' | 'wait' | 'fail'
  readonly whenFull: 'wait' | 'refuse'
  readonly nginx: boolean
  readonly queue: PeerQueue
  /** Milliseconds that a request may wait in the queue. */
  readonly queueTimeout: number
  readonly observers = new Set<UpstreamObserver>()
  /** Whoever shares the peers with other processes. */
  sharing: PeerSharing | undefined
  /** Settles when it is known what the others know; requests wait for it. */
  joining: Promise<void> | undefined
  readonly clock: Clock
  /** Marks come from `fails` and `maxFails`, and from nothing else that is known here only. */
  readonly countsFails: boolean
  readonly sticky: Stickiness | undefined
  readonly locality: LocalitySettings | undefined
  readonly subsets: Subsets | undefined
  readonly random: () => number
  /** Milliseconds for which a peer may rest at most; 0: it may not. */
  readonly retryAfter: number
  readonly #availability: Availability
  readonly #live: LivePeers

  constructor(settings: PeerGroupSettings, selector: PeerSelector, clock: Clock) {
    this.name = settings.name
    this.clock = clock
    this.selector = selector
    this.whenNoneLive = settings.whenNoneLive
    this.nginx = settings.nginx
    this.whenFull = settings.whenNoneLive === 'wait' ? 'wait' : (settings.whenFull ?? 'refuse')
    this.queue = new PeerQueue(clock, settings.queue.size, {
      hasRoom: () => this.#hasRoom(),
      settle: () => {
        this.settle(clock.now())
      },
    })
    this.queueTimeout = settings.queue.timeout
    this.sticky = settings.sticky
    this.locality = settings.locality
    this.random = settings.random ?? (() => 0)
    this.subsets = settings.subset && new Subsets(settings.subset, this, settings.locality?.own)
    this.retryAfter = settings.retryAfter ?? 0
    const { availability, nginx, outlierDetection } = settings
    this.countsFails = availability === undefined && (nginx || outlierDetection === undefined)
    this.#availability = markingRule(settings, {
      single: () => this.single,
      now: () => clock.now(),
      random: this.random,
      tierOf: (peer) => this.#live.tierOf(peer)?.peers ?? [],
    })
    this.#live = new LivePeers({
      liveAt: (peer) => this.#liveAt(peer),
      panicThreshold: settings.panicThreshold ?? 0,
      locality: settings.locality?.own,
      onPanic: () => {
        this.#wakeSoon()
      },
    })
    this.#live.adopt(mergePeers([], settings.peers, this).peers, this.clock.now())
  }

  get peers(): readonly PeerState[] {
    return this.#live.peers
  }

  /** Another number after each change of membership, or of a peer's parameters. */
  get version(): number {
    return this.#live.version
  }

  /** Groups of peers, of which a later one is used when none of an earlier one can be. Never empty. */
  get tiers(): readonly PeerTier[] {
    return this.#live.tiers
  }

  /** Is one of them spoken to over TLS? */
  get hasSecurePeers(): boolean {
    return this.#live.hasSecurePeers
  }

  /** How many of them are not `down`: as many tries nginx gives a request. */
  get countUp(): number {
    return this.#live.countUp
  }

  /** nginx `single`: one primary and no backup. */
  get single(): boolean {
    return this.peers.length === 1
  }

  /** The state behind a peer that a selector, a probe or a user hands in; undefined for another upstream's. */
  stateOf(peer: Peer): PeerState | undefined {
    return peer instanceof PeerState && peer.owner === this && !peer.removed ? peer : undefined
  }

  has(peer: PeerState): boolean {
    return peer.owner === this && !peer.removed
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

  /** Nothing is held against it but that it has as many attempts in flight as it may have. */
  onlyFull(peer: PeerState): boolean {
    return peer.full && peer.inService && (peer.fit || this.panicsAt(peer.tier))
  }

  /** May get a request of a session that it has: as a live one, or although it is draining. */
  keepsSessions(peer: PeerState): boolean {
    if (peer.live) return true
    if (!peer.draining || peer.down || peer.removed || peer.full) return false
    return peer.fit || this.panicsAt(peer.tier)
  }

  /** Too few peers of a tier are fit: marks and health are not asked there. */
  panicsAt(priority: number): boolean {
    return this.#live.panicsAt(priority)
  }

  /** Brings up to date what time has changed. Called before peers are asked for. */
  settle(now: number): void {
    if (!this.#live.isDue(now)) return
    this.#live.settle(now, this.#markOver)
    this.queue.wakeAll()
  }

  /** Another request may be given to it. Some marks are over with that, others wait for what this request comes to. */
  readonly #markOver = (peer: PeerState, now: number): void => {
    const hasRested = peer.restsUntil !== Number.NEGATIVE_INFINITY
    peer.restsUntil = Number.NEGATIVE_INFINITY
    const lapsed = this.#availability.lapsed?.(peer) === true
    if (lapsed || (hasRested && peer.ejectedUntil === 0)) this.#returned(peer, 'time')
    else this.#live.refresh(peer, now)
  }

  /** From when on it may be given requests, as far as marks go. */
  #liveAt(peer: PeerState): number {
    return Math.max(this.#availability.liveAt(peer), peer.restsUntil)
  }

  // ---- what attempts come to

  /** An attempt begins. */
  taken(peer: PeerState, now: number): void {
    peer.connections++
    for (const listing of peer.listings) listing.counted?.(peer, 1)
    this.#availability.picked(peer, now)
    if (peer.limit !== 0 || !peer.spotless) this.#live.refresh(peer, now)
    this.sharing?.touched(peer)
  }

  /** An attempt is over. Returns true when there is room at the peer where there was none: see {@link offerPlace}. */
  freed(peer: PeerState, outcome: 'ok' | 'next' | 'failed'): boolean {
    const wasFull = peer.full
    peer.connections--
    for (const listing of peer.listings) listing.counted?.(peer, -1)
    const hasRoom = wasFull && this.usable(peer)
    if (hasRoom) this.#live.refresh(peer, this.clock.now())
    if (outcome !== 'failed' && this.#availability.completed(peer))
      this.#returned(peer, 'completed')
    this.sharing?.touched(peer)
    return hasRoom
  }

  /** When everybody knows that the attempt is over: its place goes to whoever waits for it. */
  offerPlace(): void {
    this.queue.wakeOne()
  }

  /** Returns what its status has been charged with, where the rule does so by itself. */
  answered(peer: PeerState, answer: Answer): Charge | undefined {
    if (this.#availability.answered(peer, answer)) this.#returned(peer, 'answered')
    if (this.#availability.weigh === undefined || answer.exempt === true) return undefined
    const charge = this.#availability.weigh(peer, answer)
    if (charge !== undefined) this.#charged(peer, charge, 'status', 'answer')
    return charge
  }

  /** `takenAt`: when the attempt began. */
  failed(peer: PeerState, reason: EjectReason, step: FailedStep, takenAt?: number): Charge {
    const ledger = reason === 'status' ? 'status' : 'transport'
    const charge = this.#availability.failed(peer, ledger, step, this.clock.now(), takenAt)
    this.#charged(peer, charge, reason, step)
    return charge
  }

  #charged(peer: PeerState, charge: Charge, reason: EjectReason, step: FailedStep): void {
    // What it still had in flight is of no consequence: nobody would ever see it come back.
    if (peer.removed) return
    this.#live.refresh(peer, this.clock.now())
    this.sharing?.failed(peer, charge.reason ?? reason, step)
    if (charge.ejected) this.#tellEjected(peer, charge.reason ?? reason, step, peer.ejectedUntil)
  }

  #tellEjected(peer: PeerState, reason: EjectReason, step: FailedStep, until: number): void {
    for (const observer of this.observers) observer.ejected(peer, reason, step, until)
  }

  /** The peer has asked for no requests for that long. It is a wish, not a failure. */
  rest(peer: PeerState, ms: number): void {
    const now = this.clock.now()
    const until = now + ms
    if (peer.removed || until <= peer.restsUntil) return
    const isNew = !this.#live.isMarked(peer)
    peer.restsUntil = until
    this.#live.refresh(peer, now)
    if (isNew) this.#tellEjected(peer, 'retry_after', 'answer', until)
  }

  refund(peer: PeerState, charge: Charge): void {
    if (this.#availability.refund(peer, charge)) this.#returned(peer, 'refund')
    else this.#live.refresh(peer, this.clock.now())
    this.sharing?.touched(peer)
  }

  /** A background probe has seen the failed step succeed. */
  proved(peer: Peer): void {
    const state = this.stateOf(peer)
    if (state !== undefined && this.#availability.proved(state)) this.#returned(state, 'probe')
  }

  // ---- what is found out without them

  /** What the active checks have come to: so many in a row have said so. */
  setHealth(peer: PeerState, reason: HealthReason, checks: number): void {
    if (peer.removed) return
    const before = peer.healthy
    peer.healthy = reason === 'passed'
    this.#tellHealth(peer, before, reason, checks)
  }

  /** What a peer says of its own load. */
  heard(peer: PeerState, text: string): void {
    if (peer.removed) return
    const feedback = afterFeedback(peer.feedback, text)
    if (feedback === peer.feedback) return
    const before = peer.healthy
    peer.feedback = feedback
    this.#tellHealth(peer, before, 'feedback', 0)
  }

  #tellHealth(peer: PeerState, before: boolean, reason: HealthReason, checks: number): void {
    if (peer.healthy === before) return
    for (const observer of this.observers) observer.health?.(peer, reason, checks)
  }

  // ---- what other processes know of the peers (`zone`)

  sharedStanding(peer: PeerState): SharedStanding {
    return sharedStandingOf(peer, this.#availability)
  }

  /** Observers are told of a mark or a return, by default with the reason `shared`. */
  applyShared(peer: PeerState, standing: SharedStanding, reason: EjectReason = 'shared'): void {
    const change = adoptStanding(peer, standing, this.#availability, this.countsFails)
    this.#live.refresh(peer, this.clock.now())
    if (change === 'returned') this.#returned(peer, 'shared')
    const until = standing.mark?.until ?? 0
    if (change === 'ejected') this.#tellEjected(peer, reason, peer.failedStep, until)
  }

  /** So many attempts are in flight in other processes: they count as its own do. */
  busyElsewhere(peer: PeerState, count: number): void {
    const wasFull = peer.full
    const change = count - peer.elsewhere
    peer.connections += change
    for (const listing of peer.listings) listing.counted?.(peer, change)
    peer.elsewhere = count
    if (peer.full === wasFull) return
    this.#live.refresh(peer, this.clock.now())
    const free = wasFull ? Math.min(peer.limit - peer.connections, this.queue.length) : 0
    for (let i = 0; i < free; i++) this.offerPlace()
  }

  // ---- who the peers are

  /**
   * Another list: peers of the same address stay, and keep what they have. `prepare` gets them all, in the order of
   * `entries`, before anybody is told of them.
   */
  replace(
    entries: readonly PeerEntry[],
    prepare: (peers: readonly PeerState[]) => void = () => undefined,
  ): MergedPeers {
    const outOfService = this.peers.filter((peer) => !peer.inService)
    const merged = mergePeers(this.peers, entries, this)
    const { peers, joined, left, changed } = merged
    this.#live.leave(left)
    this.#live.adopt(peers, this.clock.now())
    const now = this.clock.now()
    for (const peer of outOfService) this.#inServiceAgain(peer, now)
    // Where all of them are new, there is nobody to ease them in beside.
    if (joined.length < peers.length) for (const peer of joined) this.#live.ease(peer, now)
    prepare(peers)
    for (const peer of changed) for (const observer of this.observers) observer.changed?.(peer)
    for (const peer of left) for (const observer of this.observers) observer.left?.(peer)
    for (const peer of joined) for (const observer of this.observers) observer.joined?.(peer)
    this.sharing?.replaced()
    this.queue.wakeAll()
    return merged
  }

  /** Another peer, behind the others; `prepare` gets it before anybody is told of it. */
  add(
    { address, parameters }: PeerEntry,
    prepare: (peer: PeerState) => void = () => undefined,
  ): PeerState {
    const peer = new PeerState(address, parameters, this.peers.length, this)
    this.#live.adopt([...this.peers, peer], this.clock.now())
    this.#live.ease(peer, this.clock.now())
    prepare(peer)
    for (const observer of this.observers) observer.joined?.(peer)
    this.queue.wakeAll()
    return peer
  }

  remove(peer: PeerState): void {
    this.#live.leave([peer])
    this.#live.adopt(
      this.peers.filter((each) => each !== peer),
      this.clock.now(),
    )
    for (const observer of this.observers) observer.left?.(peer)
    // The only one that is left is never marked under nginx's rule.
    if (this.single) this.queue.wakeAll()
  }

  update(peer: PeerState, parameters: PeerParameters): void {
    // A peer that was full, or marked, has not been away.
    const { inService } = peer
    peer.configure(parameters)
    this.#live.adopt(this.peers, this.clock.now())
    if (!inService) this.#inServiceAgain(peer, this.clock.now())
    for (const observer of this.observers) observer.changed?.(peer)
    this.queue.wakeAll()
  }

  /** `down`, draining or health: set by whoever is in charge of it. */
  standingChanged(peer: PeerState): void {
    if (peer.removed) return
    const now = this.clock.now()
    const { live } = peer
    this.#live.serviceChanged(peer, now)
    for (const observer of this.observers) observer.changed?.(peer)
    if (!live) this.#inServiceAgain(peer, now)
  }

  #inServiceAgain(peer: PeerState, now: number): void {
    if (peer.live) this.#live.ease(peer, now)
    // One that is marked may be tried all the same: see `whenNoneLive`.
    this.queue.wakeAll()
  }

  /** Could anybody be given a request now? */
  #hasRoom(): boolean {
    if (this.tiers.some(({ live }) => live.length > 0)) return true
    if (this.sticky !== undefined && this.peers.some((peer) => this.keepsSessions(peer)))
      return true
    return this.whenNoneLive === 'try' && this.peers.some((peer) => this.usable(peer))
  }

  /** Not in the middle of what has brought it about. */
  #wakeSoon(): void {
    if (this.queue.length === 0) return
    queueMicrotask(() => {
      this.queue.wakeAll()
    })
  }

  #returned(peer: PeerState, reason: ReturnReason): void {
    const now = this.clock.now()
    this.#live.refresh(peer, now)
    // It is back when its rest is over, too.
    if (peer.removed || now < peer.restsUntil) return
    this.#live.ease(peer, now)
    for (const observer of this.observers) observer.returned(peer, reason)
    this.queue.wakeAll()
  }
}
