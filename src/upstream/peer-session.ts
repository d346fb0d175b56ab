/** One request's dealings with the peers: whom it has tried, and what it has put to whose account. */
import type { Answer, Charge } from './availability.js'
import { drawDirection } from './locality.js'
import type { LiveGroup } from './peer-group.js'
import type { Candidates, Peer, PeerPicker, SelectionRequest } from './peer-selector.js'
import type { FailedStep, PeerState } from './peer.js'
import type { PeerRegistry } from './registry.js'
import type { HintTaker, Stickiness } from './stickiness.js'
import type { PeerScope, WantedLabels } from './subsets.js'
import type { EjectReason } from './upstream.js'

/** The right to make one attempt at a peer. Accounting travels with the pick. */
export class Lease implements Answer {
  readonly peer: PeerState
  readonly #registry: PeerRegistry
  readonly takenAt: number
  reusedConnection = false
  good = true
  status = 0
  /** How it goes says nothing of the peer: nothing is charged, and the selector is told of no time. */
  exempt = false
  #charge: Charge | undefined
  #released = false
  /** Milliseconds to the response head. */
  #headMs: number | undefined

  constructor(registry: PeerRegistry, peer: PeerState, takenAt: number) {
    this.#registry = registry
    this.peer = peer
    this.takenAt = takenAt
  }

  /** A response head came from the peer. */
  answered(reusedConnection: boolean, good: boolean, status = 0): void {
    this.reusedConnection = reusedConnection
    this.good = good
    this.status = status
    const charge = this.#registry.answered(this.peer, this)
    if (charge !== undefined) this.#charge = charge
    const { selector, clock } = this.#registry
    if (selector.answered === undefined && selector.finished === undefined) return
    this.#headMs = clock.now() - this.takenAt
    if (!this.exempt) selector.answered?.(this.peer, this.#headMs)
  }

  /** Puts a failure to the peer's account, once. */
  fail(reason: EjectReason, step: FailedStep): void {
    if (this.exempt) return
    this.#charge ??= this.#registry.failed(this.peer, reason, step, this.takenAt)
  }

  /** The peer has asked for no requests for that many milliseconds. */
  rest(ms: number): void {
    // For that route, perhaps.
    if (!this.exempt) this.#registry.rest(this.peer, ms)
  }

  /** The request was at fault: takes the failure back. */
  refund(): void {
    if (this.#charge === undefined) return
    this.#registry.refund(this.peer, this.#charge)
    this.#charge = undefined
  }

  /** The attempt is over. Idempotent; `failed` goes with {@link Lease.fail}. */
  release(outcome: 'ok' | 'next' | 'failed'): void {
    if (this.#released) return
    this.#released = true
    // An exempt attempt that came to nothing is no proof of the contrary either.
    const isSilent = this.exempt && outcome !== 'ok'
    const hasRoom = this.#registry.freed(this.peer, isSilent ? 'failed' : outcome)
    const { selector, clock } = this.#registry
    if (selector.finished !== undefined || selector.dropped !== undefined) {
      const ms = clock.now() - this.takenAt
      if (this.exempt) selector.dropped?.(this.peer, ms)
      else selector.finished?.(this.peer, outcome, ms, this.#headMs)
    }
    if (hasRoom) this.#registry.offerPlace()
  }
}

/** Chooses peer after peer for one request, none twice: its own, then primaries, then backups, then `whenNoneLive`. */
export class PeerSession implements Candidates, HintTaker {
  readonly #registry: PeerRegistry
  readonly #request: SelectionRequest
  readonly #picker: PeerPicker
  /** The subset that it is kept to. */
  readonly #wanted: WantedLabels | undefined
  /** The first peer tried, and all others: most requests try one, and need no list. */
  #tried: PeerState | undefined
  #moreTried: PeerState[] | undefined
  /** As in nginx, a request that has come to the backups stays with them: those of lower priorities are not asked again. */
  #reached = 0
  /** Where that was: in its subset, or among those who stand in for it. */
  #reachedIn: 'scope' | 'fallback' = 'scope'
  #within: PeerScope
  group: LiveGroup

  constructor(registry: PeerRegistry, request: SelectionRequest) {
    this.#registry = registry
    this.#request = request
    this.#picker = registry.selector.begin(request)
    this.#wanted = registry.subsets?.wantedBy(request)
    this.#within = registry
    this.group = firstOf(registry.tiers)
  }

  get first(): boolean {
    return this.#tried === undefined
  }

  get peers(): readonly PeerState[] {
    return this.#registry.peers
  }

  get version(): number {
    return this.#registry.version
  }

  /** For the selector: see {@link Candidates}. Bound, because `pick({ group, eligible })` is how people write it. */
  readonly eligible = (peer: Peer): boolean => {
    const state = this.#registry.stateOf(peer)
    if (state?.live !== true) return false
    return this.#tried === undefined || !this.#hasTried(state)
  }

  /** For sticky sessions: see {@link HintTaker}. */
  takes(peer: Peer): boolean {
    const state = this.#registry.stateOf(peer)
    return state !== undefined && this.#registry.keepsSessions(state) && !this.#hasTried(state)
  }

  /** The next peer, taken; undefined when none may be used now. */
  next(): Lease | undefined {
    const now = this.#registry.clock.now()
    this.#registry.settle(now)
    const reached = this.#reached
    const reachedIn = this.#reachedIn
    const peer = this.#find()
    if (peer === undefined) {
      // It has come to none of them: who waits and asks again begins with the primaries.
      this.#reached = reached
      this.#reachedIn = reachedIn
      return undefined
    }
    if (this.#tried === undefined) this.#tried = peer
    else (this.#moreTried ??= []).push(peer)
    this.#registry.taken(peer, now)
    this.#registry.selector.began?.(peer)
    return new Lease(this.#registry, peer, now)
  }

  /** The best that {@link PeerSession.next} could give now. */
  outlook(): 'live' | 'marked' | 'none' {
    this.#registry.settle(this.#registry.clock.now())
    const scope = this.#scope
    const fallback = this.#fallback
    if (this.#hasLive(scope) || (fallback !== undefined && this.#hasLive(fallback))) return 'live'
    if (!this.#triesMarked()) return 'none'
    const isMarked = (peer: PeerState): boolean =>
      this.#registry.usable(peer) && !this.#hasTried(peer)
    return this.#someOne(isMarked) ? 'marked' : 'none'
  }

  /**
   * What there is to wait for where nobody can be had: a place at a peer that is full, or that somebody comes back
   * (`whenNoneLive: 'wait'`).
   */
  hope(): 'place' | 'return' | 'none' {
    const { whenFull, whenNoneLive } = this.#registry
    if (whenFull === 'refuse') return 'none'
    const isFull = (peer: PeerState): boolean =>
      peer.full && peer.inService && !this.#hasTried(peer)
    if (this.#awaitsPlace() || (whenNoneLive === 'try' && this.#someOne(isFull))) return 'place'
    return whenNoneLive === 'wait' ? 'return' : 'none'
  }

  /** A peer that only has no room is worth waiting for. */
  #awaitsPlace(): boolean {
    const registry = this.#registry
    if (registry.whenFull === 'refuse') return false
    return this.#someOne((peer) => registry.onlyFull(peer) && !this.#hasTried(peer))
  }

  /** Of those whom the request may be given. */
  #someOne(fits: (peer: PeerState) => boolean): boolean {
    return this.#scope.peers.some(fits) || this.#fallback?.peers.some(fits) === true
  }

  /** May a marked peer be tried? Rather than that a good one is waited for. */
  #triesMarked(): boolean {
    return this.#registry.whenNoneLive === 'try' && !this.#awaitsPlace()
  }

  /** Every peer that is in service has as many attempts in flight as it may have. */
  allBusy(): boolean {
    const inService = [this.#scope, this.#fallback].flatMap(
      (scope) => scope?.peers.filter((peer) => !peer.down && !peer.draining) ?? [],
    )
    return inService.length > 0 && inService.every((peer) => peer.full)
  }

  /** After a wait every peer may be tried again. Returns whether any had been. */
  forgetTried(): boolean {
    const hasTried = this.#tried !== undefined
    this.#tried = undefined
    this.#moreTried = undefined
    this.#reached = 0
    return hasTried
  }

  #hasTried(peer: PeerState): boolean {
    // nginx keeps no tried mark for the only server: a stale connection leads to it again.
    const tried = this.#tried === peer || this.#moreTried?.includes(peer) === true
    return tried && !(this.#registry.nginx && this.#registry.single)
  }

  /** Whom it may be given. */
  get #scope(): PeerScope {
    const { subsets } = this.#registry
    if (this.#wanted === undefined || subsets === undefined) return this.#registry
    return subsets.scopeOf(this.#wanted)
  }

  /** Whom it may be given when none of those can be. */
  get #fallback(): PeerScope | undefined {
    return this.#wanted === undefined ? undefined : this.#registry.subsets?.fallback
  }

  #find(): PeerState | undefined {
    const { sticky } = this.#registry
    const own = sticky === undefined ? undefined : this.#hinted(sticky)
    const scope = this.#scope
    const found = this.#findIn(scope, own, 'scope')
    if (found !== undefined) return found
    const fallback = this.#fallback
    const other = fallback === undefined ? undefined : this.#findIn(fallback, own, 'fallback')
    if (other !== undefined || !this.#triesMarked()) return other
    return this.#leastBad(scope) ?? (fallback === undefined ? undefined : this.#leastBad(fallback))
  }

  /** Who keeps sessions may hand out what it should not, too. */
  #hinted(sticky: Stickiness): PeerState | undefined {
    const peer = sticky.hinted(this.#request, this)
    return peer === undefined || !this.takes(peer) ? undefined : this.#registry.stateOf(peer)
  }

  #findIn(
    scope: PeerScope,
    own: PeerState | undefined,
    place: 'scope' | 'fallback',
  ): PeerState | undefined {
    // The tier and the weights are not asked: what the others get is dealt out among them as if it had not been there.
    if (own !== undefined && scope.has(own)) return own
    const reached = place === this.#reachedIn ? this.#reachedOf(scope) : 0
    this.#within = scope
    for (const tier of scope.tiers) {
      if (tier.priority < reached) continue
      this.#reachedIn = place
      this.#reached = tier.priority
      const peer = this.#pick(tier)
      if (peer !== undefined) return peer
    }
    return undefined
  }

  /** Where its peers have moved to another tier meanwhile, it begins anew. */
  #reachedOf({ tiers }: PeerScope): number {
    if (this.#reached === 0) return 0
    return tiers.some(({ priority }) => priority === this.#reached) ? this.#reached : 0
  }

  /** Peers of our own locality first, or the others, as drawn; a retry goes to our own first. */
  #pick(tier: LiveGroup): PeerState | undefined {
    const { locality, random } = this.#registry
    const { near, far } = tier
    if (locality === undefined || near === undefined || far === undefined)
      return this.#pickFrom(tier)
    // When health is not believed any more, it cannot say either what is left of the locality.
    if (this.#registry.panicsAt(tier.priority)) return this.#pickFrom(tier)
    switch (drawDirection(near, locality, this.first ? random : zero)) {
      case 'near':
        return this.#pickFrom(near) ?? this.#pickFrom(far)
      case 'far':
        return this.#pickFrom(far) ?? this.#pickFrom(near)
      case 'anywhere':
        return this.#pickFrom(tier)
    }
  }

  /** A selector of the user's may hand out what it should not: a peer that may not be used is no choice. */
  #pickFrom(group: LiveGroup): PeerState | undefined {
    this.group = group
    const peer = this.#picker.pick(this)
    const state = peer === undefined ? undefined : this.#registry.stateOf(peer)
    if (state?.live !== true || this.#hasTried(state)) return undefined
    return this.#within.has(state) ? state : undefined
  }

  #hasLive(scope: PeerScope): boolean {
    for (const tier of scope.tiers) {
      // No more are passed over than this request has tried.
      for (const peer of tier.live) if (!this.#hasTried(peer)) return true
    }
    const { sticky } = this.#registry
    const own = sticky === undefined ? undefined : this.#hinted(sticky)
    return own !== undefined && scope.has(own)
  }

  /** Nobody is live: healthy ones first, the fewest failures, then who rests the shortest, then the longest since the last one. */
  #leastBad(scope: PeerScope): PeerState | undefined {
    let best: PeerState | undefined
    for (const peer of scope.peers) {
      if (!this.#registry.usable(peer) || this.#hasTried(peer)) continue
      if (best === undefined || isBetter(peer, best)) best = peer
    }
    return best
  }
}

function zero(): number {
  return 0
}

function isBetter(peer: PeerState, best: PeerState): boolean {
  // A mark is a suspicion; a check has seen it.
  if (peer.healthy !== best.healthy) return peer.healthy
  if (peer.tier !== best.tier) return peer.tier < best.tier
  const fails = peer.failuresSinceAnswer - best.failuresSinceAnswer
  if (fails !== 0) return fails < 0
  // What one has asked for is a wish: all the same the others come first.
  if (peer.restsUntil !== best.restsUntil) return peer.restsUntil < best.restsUntil
  return peer.failedAt < best.failedAt
}

function firstOf(tiers: readonly LiveGroup[]): LiveGroup {
  const [first] = tiers
  if (first === undefined) throw new Error('an upstream without a tier')
  return first
}
