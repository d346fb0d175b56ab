/** One request's dealings with the peers: whom it has tried, and what it has put to whose account. */
import type { Answer, Charge } from './availability.js'
import type { PeerTier } from './peer-group.js'
import type { Candidates, Peer, PeerPicker, SelectionRequest } from './peer-selector.js'
import type { FailedStep, PeerState } from './peer.js'
import type { PeerRegistry } from './registry.js'
import type { EjectReason } from './upstream.js'

/** The right to make one attempt at a peer. Accounting travels with the pick. */
export class Lease implements Answer {
  readonly peer: PeerState
  readonly #registry: PeerRegistry
  readonly takenAt: number
  reusedConnection = false
  good = true
  /** How it goes says nothing of the peer: the selector is told of no time. */
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
  answered(reusedConnection: boolean, good: boolean): void {
    this.reusedConnection = reusedConnection
    this.good = good
    this.#registry.answered(this.peer, this)
    const { selector, clock } = this.#registry
    if (selector.answered === undefined && selector.finished === undefined) return
    this.#headMs = clock.now() - this.takenAt
    if (!this.exempt) selector.answered?.(this.peer, this.#headMs)
  }

  /** Puts a failure to the peer's account, once. */
  fail(reason: EjectReason, step: FailedStep): void {
    this.#charge ??= this.#registry.failed(this.peer, reason, step)
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
    this.#registry.freed(this.peer, outcome)
    const { selector, clock } = this.#registry
    if (selector.finished === undefined && selector.dropped === undefined) return
    const ms = clock.now() - this.takenAt
    if (this.exempt) selector.dropped?.(this.peer, ms)
    else selector.finished?.(this.peer, outcome, ms, this.#headMs)
  }
}

/** Chooses peer after peer for one request, none twice: primaries, then backups, then `whenNoneLive`. */
export class PeerSession implements Candidates {
  readonly #registry: PeerRegistry
  readonly #picker: PeerPicker
  /** The first peer tried, and all others: most requests try one, and need no list. */
  #tried: PeerState | undefined
  #moreTried: PeerState[] | undefined
  group: PeerTier

  constructor(registry: PeerRegistry, request: SelectionRequest) {
    this.#registry = registry
    this.#picker = registry.selector.begin(request)
    this.group = firstOf(registry.tiers)
  }

  get first(): boolean {
    return this.#tried === undefined
  }

  /** For the selector: see {@link Candidates}. Bound, because `pick({ group, eligible })` is how people write it. */
  readonly eligible = (peer: Peer): boolean => {
    const state = this.#registry.stateOf(peer)
    if (state?.live !== true) return false
    return this.#tried === undefined || !this.#hasTried(state)
  }

  /** The next peer, taken; undefined when none may be used now. */
  next(): Lease | undefined {
    const now = this.#registry.clock.now()
    this.#registry.settle(now)
    const peer =
      this.#pick() ?? (this.#registry.whenNoneLive === 'try' ? this.#leastBad() : undefined)
    if (peer === undefined) return undefined
    if (this.#tried === undefined) this.#tried = peer
    else (this.#moreTried ??= []).push(peer)
    this.#registry.taken(peer, now)
    this.#registry.selector.began?.(peer)
    return new Lease(this.#registry, peer, now)
  }

  /** The best that {@link PeerSession.next} could give now. */
  outlook(): 'live' | 'marked' | 'none' {
    this.#registry.settle(this.#registry.clock.now())
    for (const tier of this.#registry.tiers) {
      // No more are passed over than this request has tried.
      for (const peer of tier.live) if (!this.#hasTried(peer)) return 'live'
    }
    if (this.#registry.whenNoneLive !== 'try') return 'none'
    const isMarked = (peer: PeerState): boolean =>
      this.#registry.usable(peer) && !this.#hasTried(peer)
    return this.#registry.peers.some(isMarked) ? 'marked' : 'none'
  }

  /** Every peer that is in service has as many attempts in flight as it may have. */
  allBusy(): boolean {
    const inService = this.#registry.peers.filter((peer) => !peer.down && !peer.draining)
    return inService.length > 0 && inService.every((peer) => peer.full)
  }

  /** After a wait every peer may be tried again. Returns whether any had been. */
  forgetTried(): boolean {
    const hasTried = this.#tried !== undefined
    this.#tried = undefined
    this.#moreTried = undefined
    this.group = firstOf(this.#registry.tiers)
    return hasTried
  }

  #hasTried(peer: PeerState): boolean {
    // nginx keeps no tried mark for the only server: a stale connection leads to it again.
    const tried = this.#tried === peer || this.#moreTried?.includes(peer) === true
    return tried && !(this.#registry.nginx && this.#registry.single)
  }

  #pick(): PeerState | undefined {
    const picked = this.#pickFromGroup()
    const { tiers } = this.#registry
    if (picked !== undefined || tiers.length === 1) return picked
    for (const tier of tiers) {
      if (tier.priority <= this.group.priority) continue
      // As in nginx, a request that has come to the backups stays with them.
      this.group = tier
      const backup = this.#pickFromGroup()
      if (backup !== undefined) return backup
    }
    return undefined
  }

  /** A selector of the user's may hand out what it should not: a peer that may not be used is no choice. */
  #pickFromGroup(): PeerState | undefined {
    const peer = this.#picker.pick(this)
    return peer === undefined || !this.eligible(peer) ? undefined : this.#registry.stateOf(peer)
  }

  /** Nobody is live: the fewest failures, then the longest since the last one; primaries first. */
  #leastBad(): PeerState | undefined {
    let best: PeerState | undefined
    for (const peer of this.#registry.peers) {
      if (!this.#registry.usable(peer) || this.#hasTried(peer)) continue
      if (best === undefined || isBetter(peer, best)) best = peer
    }
    return best
  }
}

function isBetter(peer: PeerState, best: PeerState): boolean {
  if (peer.tier !== best.tier) return peer.tier < best.tier
  const fails = peer.failuresSinceAnswer - best.failuresSinceAnswer
  return fails === 0 ? peer.failedAt < best.failedAt : fails < 0
}

function firstOf(tiers: readonly PeerTier[]): PeerTier {
  const [first] = tiers
  if (first === undefined) throw new Error('an upstream without a tier')
  return first
}
