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

function isSame(peer: PeerState | undefined, entry: PeerEntry | undefined): boolean {
  if (peer === undefined || entry === undefined) return false
  return peer.name === entry.address.name && peer.protocol === entry.address.protocol
}

/** Of the known peers those that are found by their address, each once. */
class Known {
  readonly #peers: readonly PeerState[]
  readonly #count: number
  /** Mostly one peer of many comes or goes: before this, and from the end on, the lists are the same. */
  readonly #start: number
  readonly #end: number
  readonly #between = new Map<string, PeerState[]>()

  constructor(peers: readonly PeerState[], entries: readonly PeerEntry[]) {
    this.#peers = peers
    this.#count = entries.length
    let start = 0
    while (isSame(peers[start], entries[start])) start++
    let last = peers.length
    let end = entries.length
    while (last > start && end > start && isSame(peers[last - 1], entries[end - 1])) {
      last--
      end--
    }
    this.#start = start
    this.#end = end
    for (const peer of peers.slice(start, last)) {
      const key = keyOf(peer)
      const same = this.#between.get(key)
      if (same === undefined) this.#between.set(key, [peer])
      else same.push(peer)
    }
  }

  take(address: PeerAddress, index: number): PeerState | undefined {
    if (index < this.#start) return this.#peers[index]
    if (index >= this.#end) return this.#peers[index - this.#count + this.#peers.length]
    return this.#between.get(keyOf(address))?.shift()
  }

  rest(): readonly PeerState[] {
    return [...this.#between.values()].flat()
  }
}

/** A peer that stays takes over its new parameters here. An address may stand in a list more than once, as in nginx. */
export function mergePeers(
  peers: readonly PeerState[],
  entries: readonly PeerEntry[],
  owner: PeerOwner,
): MergedPeers {
  const known = new Known(peers, entries)
  const joined: PeerState[] = []
  const changed: PeerState[] = []
  const merged = entries.map(({ address, parameters }, index) => {
    const stays = known.take(address, index)
    if (stays !== undefined) {
      if (stays.differsFrom(parameters)) changed.push(stays)
      stays.configure(parameters)
      return stays
    }
    const comes = new PeerState(address, parameters, index, owner)
    joined.push(comes)
    return comes
  })
  return { peers: merged, joined, left: known.rest(), changed }
}
