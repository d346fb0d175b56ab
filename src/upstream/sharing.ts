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

/** What has brought a peer to where it is. Times are of the upstream's clock. */
export interface SharedStanding {
  readonly fails: number
  readonly statusFails: number
  readonly failedAt: number
  readonly mark: SharedMark | undefined
}

interface SharedMark {
  /** An {@link EjectReason}, or what another version calls one. */
  readonly reason: string
  readonly step: FailedStep
  /** Milliseconds: until when it gets no requests, or one that tries it. */
  readonly until: number
}

export function sharedStandingOf(peer: PeerState, rule: Availability): SharedStanding {
  const { fails, statusFails, failedAt } = peer
  return { fails, statusFails, failedAt, mark: markOf(peer, rule) }
}

/** The reason is known of a rest only: of failures, to whoever has seen them. */
function markOf(peer: PeerState, rule: Availability): SharedMark | undefined {
  const { ejectedUntil, failedStep: step, restsUntil } = peer
  if (ejectedUntil === 0) {
    if (restsUntil === Number.NEGATIVE_INFINITY) return undefined
    return { reason: 'retry_after', step, until: restsUntil }
  }
  const liveAt = rule.liveAt(peer)
  return { reason: '', step, until: Number.isFinite(liveAt) ? liveAt : ejectedUntil }
}

/**
 * Takes over what others know. Returns what it has come to, if the peer was marked and is not, or the other way round.
 * `countsFails`: nginx's rule asks how many failures there were, not until when.
 */
export function adoptStanding(
  peer: PeerState,
  { fails, statusFails, failedAt, mark }: SharedStanding,
  rule: Availability,
  countsFails: boolean,
): 'ejected' | 'returned' | undefined {
  const wasMarked = isMarked(peer)
  if (mark === undefined) release(peer, rule)
  else if (mark.reason === 'retry_after') peer.restsUntil = mark.until
  else {
    peer.ejectedUntil = mark.until
    peer.failedStep = mark.step
    // nginx `checked`: the moment from which fail_timeout runs.
    peer.checkedAt = mark.until - peer.failTimeout
    rule.adopted?.(peer, mark.reason)
  }
  peer.failedAt = Math.max(peer.failedAt, failedAt)
  if (countsFails) {
    const isFew = fails < peer.maxFails && statusFails < peer.maxFails
    peer.fails = peer.ejectedUntil !== 0 && isFew ? peer.maxFails : fails
    peer.statusFails = statusFails
  }
  if (wasMarked === isMarked(peer)) return undefined
  return wasMarked ? 'returned' : 'ejected'
}

function isMarked({ ejectedUntil, restsUntil }: PeerState): boolean {
  return ejectedUntil !== 0 || restsUntil !== Number.NEGATIVE_INFINITY
}

function release(peer: PeerState, rule: Availability): void {
  peer.restsUntil = Number.NEGATIVE_INFINITY
  if (peer.ejectedUntil === 0) return
  if (rule.released === undefined) rule.proved(peer)
  else rule.released(peer)
}
