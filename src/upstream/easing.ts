/** Slow start: a peer that is back gets little at first, and more with time (nginx Plus `slow_start`). */
import type { PeerState } from './peer.js'

/** Milliseconds between two steps: finer ones would cost more and change nothing. */
const STEP_MS = 10
/** Of its weight it has at least this much: a weight of nothing would never show whether it bears more. */
const LEAST = 0.01

export class Easing {
  readonly #peers = new Set<PeerState>()

  /** Returns when the next step is due. */
  begin(peer: PeerState, now: number): number {
    peer.easedSince = now
    this.#peers.add(peer)
    this.#weigh(peer, now)
    return now + STEP_MS
  }

  end(peer: PeerState): void {
    peer.easedSince = Number.NEGATIVE_INFINITY
    peer.easedWeight = peer.fullWeight
    this.#peers.delete(peer)
  }

  /** Raises weights by the time that has passed. Returns when the next step is due; Infinity: nobody is eased in. */
  step(now: number): number {
    for (const peer of this.#peers) this.#weigh(peer, now)
    return this.#peers.size === 0 ? Infinity : now + STEP_MS
  }

  #weigh(peer: PeerState, now: number): void {
    const part = (now - peer.easedSince) / peer.slowStart
    // It may have been changed to 0 at this very moment.
    if (part >= 1 || peer.slowStart === 0) {
      this.end(peer)
      return
    }
    peer.easedWeight = peer.fullWeight * Math.max(LEAST, part)
    peer.effectiveWeight = Math.min(peer.effectiveWeight, peer.easedWeight)
  }
}
