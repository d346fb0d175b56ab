/** Fewest attempts in flight by weight, as nginx does it (`ngx_http_upstream_get_least_conn_peer`). */
import type { Candidates, Peer, PeerPicker, PeerSelector } from '../upstream/peer-selector.js'
import { pickSmoothly } from './round-robin.js'

function pickLeastConn(candidates: Candidates): Peer | undefined {
  let best: Peer | undefined
  let many = false
  for (const peer of candidates.group.live) {
    if (!candidates.first && !candidates.eligible(peer)) continue
    // a / b < c / d without division.
    const load =
      best === undefined
        ? -1
        : peer.connections * best.easedWeight - best.connections * peer.easedWeight
    if (load < 0) {
      best = peer
      many = false
    } else if (load === 0) {
      many = true
    }
  }
  if (best === undefined || !many) return best
  return pickSmoothly(new EquallyLoaded(candidates, best))
}

/** The peers with the same load as the best: round robin decides among them. */
class EquallyLoaded implements Candidates {
  readonly group
  readonly first = false
  readonly #candidates: Candidates
  readonly #best: Peer

  constructor(candidates: Candidates, best: Peer) {
    this.group = candidates.group
    this.#candidates = candidates
    this.#best = best
  }

  eligible(peer: Peer): boolean {
    const { connections, easedWeight } = this.#best
    if (peer.connections * easedWeight !== connections * peer.easedWeight) return false
    return this.#candidates.eligible(peer)
  }
}

const picker: PeerPicker = { pick: pickLeastConn }

export function leastConn(): PeerSelector {
  return { name: 'least_conn', begin: () => picker }
}
