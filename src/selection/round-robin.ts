/** Smooth weighted round robin, as nginx does it (`ngx_http_upstream_get_peer`). */
import type { Candidates, Peer, PeerPicker, PeerSelector } from '../upstream/peer-selector.js'

/** One smooth step among the eligible peers; also the tie-break and the last resort of other algorithms. */
export function pickSmoothly(candidates: Candidates): Peer | undefined {
  const { live } = candidates.group
  const { first } = candidates
  let best: Peer | undefined
  let most = 0
  let total = 0
  let isLowered = false
  for (const peer of live) {
    if (!first && !candidates.eligible(peer)) continue
    const { effectiveWeight } = peer
    const current = peer.currentWeight + effectiveWeight
    peer.currentWeight = current
    total += effectiveWeight
    if (effectiveWeight !== peer.easedWeight) isLowered = true
    if (best !== undefined && current <= most) continue
    best = peer
    most = current
  }
  if (best !== undefined) best.currentWeight -= total
  if (isLowered) raise(candidates)
  return best
}

/** What failures took of the weights comes back by one. Rarely there is any, and the walk above is faster without it. */
function raise(candidates: Candidates): void {
  for (const peer of candidates.group.live) {
    if (!candidates.first && !candidates.eligible(peer)) continue
    const { effectiveWeight, easedWeight } = peer
    if (effectiveWeight !== easedWeight)
      peer.effectiveWeight = Math.min(effectiveWeight + 1, easedWeight)
  }
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
