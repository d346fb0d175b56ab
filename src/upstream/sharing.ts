/** What a registry tells of its peers to whoever shares them with other processes (`zone`), and takes from there. */
import type { Availability } from './availability.js'
import type { FailedStep, PeerState } from './peer.js'
import type { EjectReason } from './upstream.js'

/** Told of what no observer is told: it happens with each request. */
export interface PeerSharing {
  /** An attempt has begun or ended, or a failure was taken back. */
  touched(peer: PeerState): void
  /** A failure was counted. */
  failed(peer: PeerState, reason: EjectReason, step: FailedStep): void
  /** The whole list of peers has been put in place, their parameters included. */
  replaced(): void
}

/** What failures have brought a peer to. Times are of the upstream's clock. */
export interface SharedStanding {
  readonly fails: number
  readonly statusFails: number
  readonly failedAt: number
  readonly mark: { readonly step: FailedStep; readonly until: number } | undefined
}

/** Until when it is marked; undefined: it is not. */
export function markedUntil(peer: PeerState, rule: Availability): number | undefined {
  if (peer.ejectedUntil === 0) return undefined
  const liveAt = rule.liveAt(peer)
  return Number.isFinite(liveAt) ? liveAt : peer.ejectedUntil
}

/** Takes over what others know. Returns what it has come to, if the peer was marked and is not, or the other way round. */
export function adoptStanding(
  peer: PeerState,
  { fails, statusFails, failedAt, mark }: SharedStanding,
  rule: Availability,
): 'ejected' | 'returned' | undefined {
  const wasMarked = peer.ejectedUntil !== 0
  if (mark === undefined) {
    if (wasMarked) rule.proved(peer)
  } else {
    peer.ejectedUntil = mark.until
    peer.failedStep = mark.step
    // nginx `checked`: the moment from which fail_timeout runs.
    peer.checkedAt = mark.until - peer.failTimeout
  }
  peer.fails = fails
  peer.statusFails = statusFails
  peer.failedAt = Math.max(peer.failedAt, failedAt)
  if (mark !== undefined) {
    // nginx's rule asks how many failures there were, not until when.
    if (fails < peer.maxFails && statusFails < peer.maxFails) peer.fails = peer.maxFails
    return wasMarked ? undefined : 'ejected'
  }
  return wasMarked ? 'returned' : undefined
}
