/** Smooth weighted round robin, as nginx does it (`ngx_http_upstream_get_peer`). */
import type { Candidates, Peer, PeerPicker, PeerSelector } from '../upstream/peer-selector.js'

/** One smooth step among the eligible peers; also the tie-break and the last resort of other algorithms. */
export function pickSmoothly(candidates: Candidates): Peer | undefined {
  let best: Peer | undefined
  let total = 0
  for (const peer of candidates.group.peers) {
    if (!candidates.eligible(peer)) continue
    peer.currentWeight += peer.effectiveWeight
    total += peer.effectiveWeight
    if (peer.effectiveWeight < peer.weight) peer.effectiveWeight++
    if (best === undefined || peer.currentWeight > best.currentWeight) best = peer
  }
  if (best !== undefined) best.currentWeight -= total
  return best
}

const picker: PeerPicker = { pick: pickSmoothly }

export function roundRobin(): PeerSelector {
  return { name: 'round_robin', begin: () => picker }
}
