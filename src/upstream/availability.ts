/** When a peer counts as live: our rule, and nginx's to the letter. The one place that decides it. */
import type { FailedStep, PeerState } from './peer.js'
import type { EjectReason } from './upstream.js'

/** A failure that was put to a peer's account, so that it can be taken back. */
export interface Charge {
  readonly ledger: 'transport' | 'status'
  readonly weightLost: number
  /** This failure marked the peer. */
  readonly ejected: boolean
  /** Why it did, where that is not the failure's own reason. */
  readonly reason?: EjectReason | undefined
}

/** What an answer proves. */
export interface Answer {
  readonly reusedConnection: boolean
  /** Its status does not count against the peer. */
  readonly good: boolean
  /** Undefined or 0: not known. */
  readonly status?: number
  /** When the attempt began. */
  readonly takenAt: number
  /** Of an exempt request: nothing in it may count against the peer. */
  readonly exempt?: boolean
}

/** The rules of marking a peer and of forgiving it. Times are milliseconds of the upstream's clock. */
export interface Availability {
  /** From when on it is not marked by failures, any more or for one request. Says nothing of `down`, draining and full. */
  liveAt(peer: PeerState): number
  picked(peer: PeerState, now: number): void
  /** `takenAt`: when the attempt began. */
  failed(
    peer: PeerState,
    ledger: Charge['ledger'],
    step: FailedStep,
    now: number,
    takenAt?: number,
  ): Charge
  /** A response head came. Returns true when that brought a marked peer back. */
  answered(peer: PeerState, answer: Answer): boolean
  /**
   * For rules that count all answers, and weigh their statuses: called after {@link answered}. What it charges is not put
   * to the peer's account again.
   */
  weigh?(peer: PeerState, answer: Answer): Charge | undefined
  /** For rules whose marks may simply end: called when its time is over. Returns true when the peer is no longer marked. */
  lapsed?(peer: PeerState): boolean
  /** The attempt is over and was not a failure. Returns true when that brought a marked peer back. */
  completed(peer: PeerState): boolean
  /** A probe succeeded. Returns true when the peer had been marked. */
  proved(peer: PeerState): boolean
  /** For rules with books of their own: another process has marked the peer, for this reason. `ejectedUntil` is set. */
  adopted?(peer: PeerState, reason: string): void
  /** And has seen it come back. Without this, it is as if a probe had. */
  released?(peer: PeerState): void
  /** Takes a charge back. Returns true when the peer is no longer marked for it. */
  refund(peer: PeerState, charge: Charge): boolean
}

function loseWeight(peer: PeerState): number {
  if (peer.maxFails === 0) return 0
  const lost = Math.min(Math.floor(peer.weight / peer.maxFails), peer.effectiveWeight)
  peer.effectiveWeight -= lost
  return lost
}

function forgive(peer: PeerState): boolean {
  const wasMarked = peer.ejectedUntil !== 0
  peer.fails = 0
  peer.statusFails = 0
  peer.failuresSinceAnswer = 0
  peer.ejectedUntil = 0
  return wasMarked
}

/**
 * The default. `maxFails` failures, none further than `failTimeout` from the one before, mark a peer. It returns at
 * the first answer that proves the failed step, from a request under way, a probe, or the single request that is
 * let through each `failTimeout`.
 */
export const evenkeelAvailability: Availability = {
  // `maxFails` may have become 0 meanwhile.
  liveAt: (peer) =>
    peer.ejectedUntil === 0 || peer.maxFails === 0 ? Number.NEGATIVE_INFINITY : peer.ejectedUntil,

  picked(peer, now) {
    // The window has passed without an answer: this one request tries the peer, the others go on waiting.
    if (peer.ejectedUntil !== 0 && now >= peer.ejectedUntil)
      peer.ejectedUntil = now + peer.failTimeout
  },

  failed(peer, ledger, step, now) {
    if (now - peer.failedAt > peer.failTimeout) {
      peer.fails = 0
      peer.statusFails = 0
    }
    peer.failedAt = now
    peer.ledgers[ledger]++
    if (ledger === 'transport') {
      peer.fails++
      peer.failuresSinceAnswer++
      peer.failedStep = step
    } else {
      peer.statusFails++
    }
    const weightLost = loseWeight(peer)
    const counted = ledger === 'transport' ? peer.fails : peer.statusFails
    const marks = peer.maxFails > 0 && counted >= peer.maxFails
    const ejected = marks && peer.ejectedUntil === 0
    if (marks) peer.ejectedUntil = now + peer.failTimeout
    return { ledger, weightLost, ejected }
  },

  answered(peer, { reusedConnection, good, takenAt }) {
    peer.failuresSinceAnswer = 0
    if (peer.ejectedUntil === 0) return false
    // What had begun before the peer gave its bad status says nothing about how it is now.
    if (peer.statusFails >= peer.maxFails && (!good || takenAt <= peer.failedAt)) return false
    // An old connection says nothing of whether the peer takes new ones.
    if (peer.fails >= peer.maxFails && reusedConnection && peer.failedStep === 'connect')
      return false
    return forgive(peer)
  },

  completed: () => false,
  proved: forgive,

  refund(peer, charge) {
    peer.ledgers[charge.ledger]--
    peer.effectiveWeight = Math.min(peer.easedWeight, peer.effectiveWeight + charge.weightLost)
    if (charge.ledger === 'transport') {
      peer.fails = Math.max(0, peer.fails - 1)
      peer.failuresSinceAnswer = Math.max(0, peer.failuresSinceAnswer - 1)
    } else {
      peer.statusFails = Math.max(0, peer.statusFails - 1)
    }
    if (peer.ejectedUntil === 0 || peer.fails >= peer.maxFails || peer.statusFails >= peer.maxFails)
      return false
    peer.ejectedUntil = 0
    return true
  },
}

const seconds = (ms: number): number => Math.floor(ms / 1000)

/**
 * nginx 1.31's rule (`ngx_http_upstream_get_peer`, `ngx_http_upstream_free_round_robin_peer_locked`): whole seconds,
 * one live request after `fail_timeout`, forgiven when that one has completed. `single`: the only server of an
 * upstream is never marked.
 */
export function nginxAvailability(single: () => boolean): Availability {
  return {
    liveAt(peer) {
      if (single() || peer.maxFails === 0 || peer.fails < peer.maxFails)
        return Number.NEGATIVE_INFINITY
      return (seconds(peer.checkedAt) + seconds(peer.failTimeout) + 1) * 1000
    },

    picked(peer, now) {
      if (seconds(now) - seconds(peer.checkedAt) > seconds(peer.failTimeout)) peer.checkedAt = now
    },

    failed(peer, ledger, _step, now) {
      peer.ledgers[ledger]++
      if (single()) {
        peer.fails = 0
        return { ledger, weightLost: 0, ejected: false }
      }
      peer.fails++
      peer.failedAt = now
      peer.checkedAt = now
      const weightLost = loseWeight(peer)
      const marked = peer.maxFails > 0 && peer.fails >= peer.maxFails
      const ejected = marked && peer.ejectedUntil === 0
      if (marked) peer.ejectedUntil = now + peer.failTimeout
      return { ledger, weightLost, ejected }
    },

    answered: () => false,

    completed(peer) {
      if (single()) peer.fails = 0
      if (seconds(peer.failedAt) >= seconds(peer.checkedAt)) return false
      return forgive(peer)
    },

    proved: forgive,
    // nginx takes nothing back.
    refund: () => false,
  }
}
