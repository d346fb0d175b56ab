/** The peers of an upstream by the names that the zone knows them by. */
import type { Peer, PeerState } from '../upstream/peer.js'
import { keysOf } from './membership.js'
import type { Key } from './membership.js'

/** A text that the options take for the peer's address. */
export function urlOf({ protocol, name, socketPath }: Peer): string {
  return socketPath === undefined ? `${protocol}//${name}` : name
}

export class Roster {
  readonly #peers: () => readonly PeerState[]
  #read: readonly PeerState[] | undefined
  readonly #byKey = new Map<Key, PeerState>()
  #keys = new WeakMap<Peer, Key>()
  #inOrder: readonly Key[] = []

  constructor(peers: () => readonly PeerState[]) {
    this.#peers = peers
  }

  /** In the order of the list. */
  keys(): readonly Key[] {
    this.#look()
    return this.#inOrder
  }

  peerOf(key: Key): PeerState | undefined {
    this.#look()
    return this.#byKey.get(key)
  }

  /** Also of one that has left meanwhile. */
  keyOf(peer: Peer): Key | undefined {
    const key = this.#keys.get(peer)
    if (key !== undefined) return key
    this.#look()
    return this.#keys.get(peer)
  }

  #look(): void {
    const peers = this.#peers()
    if (peers === this.#read) return
    this.#read = peers
    this.#byKey.clear()
    this.#inOrder = keysOf(peers.map((peer) => ({ url: urlOf(peer) })))
    for (const [index, peer] of peers.entries()) {
      const key = this.#inOrder[index] ?? urlOf(peer)
      this.#byKey.set(key, peer)
      this.#keys.set(peer, key)
    }
  }
}
