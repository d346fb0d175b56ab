/** From one list of peers to the next: who stays, who comes, who goes. */
import { PeerState } from './peer.js'
import type { PeerAddress, PeerOwner, PeerParameters } from './peer.js'

/** A peer as the configuration describes it. */
export interface PeerEntry {
  readonly address: PeerAddress
  readonly parameters: PeerParameters
}

export interface MergedPeers {
  /** In the order of the new list. */
  readonly peers: readonly PeerState[]
  readonly joined: readonly PeerState[]
  readonly left: readonly PeerState[]
  /** Those that stay, with other parameters than before. */
  readonly changed: readonly PeerState[]
}

/** What makes a peer the same as before. */
function keyOf({ protocol, name }: PeerAddress): string {
  return `${protocol}//${name}`
}

/** A peer that stays takes over its new parameters here. An address may stand in a list more than once, as in nginx. */
export function mergePeers(
  known: readonly PeerState[],
  entries: readonly PeerEntry[],
  owner: PeerOwner,
): MergedPeers {
  const byKey = new Map<string, PeerState[]>()
  for (const peer of known) {
    const key = keyOf(peer)
    const same = byKey.get(key)
    if (same === undefined) byKey.set(key, [peer])
    else same.push(peer)
  }
  const joined: PeerState[] = []
  const changed: PeerState[] = []
  const peers = entries.map(({ address, parameters }, index) => {
    const stays = byKey.get(keyOf(address))?.shift()
    if (stays !== undefined) {
      if (stays.differsFrom(parameters)) changed.push(stays)
      stays.configure(parameters)
      return stays
    }
    const comes = new PeerState(address, parameters, index, owner)
    joined.push(comes)
    return comes
  })
  return { peers, joined, left: [...byKey.values()].flat(), changed }
}
