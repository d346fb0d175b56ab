/** One request's dealings with the peers: whom it has tried, and what it has put to whose account. */
import type { Answer, Charge } from './availability.js'
import type { PeerTier } from './peer-group.js'
import type { Candidates, Peer, PeerPicker, SelectionRequest } from './peer-selector.js'
import type { FailedStep, PeerState } from './peer.js'
import type { EjectReason, PeerRegistry } from './upstream.js'

/** The right to make one attempt at a peer. Accounting travels with the pick. */
export class Lease implements Answer {
  readonly peer: PeerState
  readonly #registry: PeerRegistry
  readonly takenAt: number
  reusedConnection = false
  good = true
  #charge: Charge | undefined
  #released = false

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
  }
}

/** Chooses peer after peer for one request, none twice: primaries, then backups, then `whenNoneLive`. */
export class PeerSession implements Candidates {
  readonly #registry: PeerRegistry
  readonly #picker: PeerPicker
  /** The first peer tried, and all others: most requests try one, and need no list. */
  #tried: PeerState | undefined
  #moreTried: PeerState[] | undefined
  #now = 0
  group: PeerTier

  constructor(registry: PeerRegistry, request: SelectionRequest) {
    this.#registry = registry
    this.#picker = registry.selector.begin(request)
    this.group = registry.primaries
  }

  /** For the selector: see {@link Candidates}. Bound, because `pick({ group, eligible })` is how people write it. */
  readonly eligible = (peer: Peer): boolean => {
    const state = this.#registry.stateOf(peer)
    if (state === undefined || !this.#registry.eligible(state, this.#now)) return false
    return this.#tried === undefined || !this.#hasTried(state)
  }

  /** The next peer, taken; undefined when none may be used now. */
  next(): Lease | undefined {
    this.#now = this.#registry.clock.now()
    const peer =
      this.#pick() ?? (this.#registry.whenNoneLive === 'try' ? this.#leastBad() : undefined)
    if (peer === undefined) return undefined
    if (this.#tried === undefined) this.#tried = peer
    else (this.#moreTried ??= []).push(peer)
    this.#registry.taken(peer, this.#now)
    return new Lease(this.#registry, peer, this.#now)
  }

  /** The best that {@link PeerSession.next} could give now. */
  outlook(): 'live' | 'marked' | 'none' {
    this.#now = this.#registry.clock.now()
    let marked = false
    for (const peer of this.#registry.peers) {
      if (this.eligible(peer)) return 'live'
      marked ||= this.#registry.usable(peer) && !this.#hasTried(peer)
    }
    return marked && this.#registry.whenNoneLive === 'try' ? 'marked' : 'none'
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
    this.group = this.#registry.primaries
    return hasTried
  }

  #hasTried(peer: PeerState): boolean {
    // nginx keeps no tried mark for the only server: a stale connection leads to it again.
    const tried = this.#tried === peer || this.#moreTried?.includes(peer) === true
    return tried && !(this.#registry.nginx && this.#registry.single)
  }

  #pick(): PeerState | undefined {
    const picked = this.#pickFromGroup()
    if (picked !== undefined || this.#registry.backups.peers.length === 0) return picked
    // As in nginx, a request that has come to the backups stays with them.
    this.group = this.#registry.backups
    return this.#pickFromGroup()
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
  if (peer.backup !== best.backup) return best.backup
  const fails = peer.failuresSinceAnswer - best.failuresSinceAnswer
  return fails === 0 ? peer.failedAt < best.failedAt : fails < 0
}
