/** Consistent hashing with bounded loads (Mirrokni, Thorup, Zadimoghaddam 2016; HAProxy `hash-balance-factor`). */
import type { Candidates, Peer, PeerGroup } from '../upstream/peer-selector.js'

/**
 * What one unit of weight may have in flight, with the request that is to be given out now. A limit that is rounded up
 * and a factor of 1 or more leave room at one of the live peers in any case.
 */
export function fairShare(group: PeerGroup, factor: number): number {
  if (factor === Infinity) return Infinity
  const inFlight = group.inFlight ?? sumOf(group.peers, connectionsOf)
  return (factor * (inFlight + 1)) / (group.liveWeight ?? sumOf(group.live, weightOf))
}

const connectionsOf = ({ connections }: Peer): number => connections
const weightOf = ({ weight }: Peer): number => weight

function sumOf(peers: readonly Peer[], amount: (peer: Peer) => number): number {
  return peers.reduce((sum, peer) => sum + amount(peer), 0)
}

export function isOverShare(peer: Peer, share: number): boolean {
  return peer.connections >= Math.ceil(share * peer.weight)
}

/** Of all that are eligible: where the ring leads to nobody with room. */
export function leastLoaded(candidates: Candidates): Peer | undefined {
  let best: Peer | undefined
  for (const peer of candidates.group.live) {
    if (!candidates.first && !candidates.eligible(peer)) continue
    if (
      best === undefined ||
      (peer.connections + 1) * best.weight < (best.connections + 1) * peer.weight
    )
      best = peer
  }
  return best
}
