/** The first with a free slot, so that the others can be switched off (HAProxy `balance first`). */
import type { Candidates, Peer, PeerPicker, PeerSelector } from '../upstream/peer-selector.js'

/** Who is full is not live: `maxConns` says how much goes to one before the next gets any. */
function pickFirst(candidates: Candidates): Peer | undefined {
  const { live } = candidates.group
  return candidates.first ? live[0] : live.find((peer) => candidates.eligible(peer))
}

const picker: PeerPicker = { pick: pickFirst }

export function first(): PeerSelector {
  return { name: 'first', begin: () => picker }
}
