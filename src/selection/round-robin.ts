/** Smooth weighted round robin, as nginx does it (`ngx_http_upstream_get_peer`). */
import type { Candidates, Peer, PeerPicker, PeerSelector } from '../upstream/peer-selector.js'

/** One smooth step among the eligible peers; also the tie-break and the last resort of other algorithms. */
export function pickSmoothly(candidates: Candidates): Peer | undefined {
  const { live } = candidates.group
  const { first } = candidates
  let best: Peer | undefined
  let most = 0
  let total = 0
  for (const peer of live) {
    if (!first && !candidates.eligible(peer)) continue
    total += takeStep(peer)
    const { currentWeight } = peer
    if (best !== undefined && currentWeight <= most) continue
    best = peer
    most = currentWeight
  }
  if (best !== undefined) best.currentWeight -= total
  return best
}

/** A peer's part in a step: returns the weight with which it took part. What failures took of it comes back by one. */
export function takeStep(peer: Peer): number {
  const weight = peer.effectiveWeight
  peer.currentWeight += weight
  if (weight !== peer.easedWeight) peer.effectiveWeight = Math.min(weight + 1, peer.easedWeight)
  return weight
}

const picker: PeerPicker = { pick: pickSmoothly }

export function roundRobin(): PeerSelector {
  return { name: 'round_robin', begin: () => picker }
}
