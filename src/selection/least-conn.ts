/** Fewest attempts in flight by weight, as nginx does it (`ngx_http_upstream_get_least_conn_peer`). */
import type { Candidates, Peer, PeerPicker, PeerSelector } from '../upstream/peer-selector.js'
import { stepAmong } from './round-robin.js'

class LeastConnPicker implements PeerPicker {
  /** Those with the same load as the best so far. A list that is used again: picks come one after another. */
  readonly #equal: Peer[] = []

  pick(candidates: Candidates): Peer | undefined {
    const { first } = candidates
    const equal = this.#equal
    let count = 0
    let connections = 0
    let weight = 0
    for (const peer of candidates.group.live) {
      if (!first && !candidates.eligible(peer)) continue
      // a / b < c / d without division.
      const load = count === 0 ? -1 : peer.connections * weight - connections * peer.easedWeight
      if (load > 0) continue
      if (load < 0) {
        count = 0
        connections = peer.connections
        weight = peer.easedWeight
      }
      equal[count++] = peer
    }
    return count < 2 ? equal[count - 1] : stepAmong(equal, count)
  }
}

export function leastConn(): PeerSelector {
  const picker = new LeastConnPicker()
  return { name: 'least_conn', begin: () => picker }
}
