/** The peers of one tier, primaries or backups, in configured order. */
import type { PeerGroup } from './peer-selector.js'
import type { PeerState } from './peer.js'

export class PeerTier implements PeerGroup {
  readonly peers: readonly PeerState[]

  constructor(peers: readonly PeerState[]) {
    this.peers = peers
  }

  get totalWeight(): number {
    let total = 0
    for (const peer of this.peers) if (!peer.down) total += peer.weight
    return total
  }
}
