/** What a discovered list changes: an entry that says the same as in the list before changes nothing of its peer. */
import { isDeepStrictEqual } from 'node:util'
import type { PeerConfig } from './config/types.js'
import type { OwnTlsSettings } from './transport/tls.js'
import type { Peer, PeerAddress, PeerParameters, PeerState } from './upstream/peer.js'
import { parametersOf } from './upstream/peer.js'

/** What the upstream has now. */
export interface PresentPeers {
  readonly peers: readonly PeerState[]
  tlsOf(peer: Peer): OwnTlsSettings | undefined
}

export class DiscoveredList {
  #before: readonly PeerConfig[] = []

  /** Says it all that the list before has said? */
  repeats(list: readonly PeerConfig[]): boolean {
    return isDeepStrictEqual(list, this.#before)
  }

  /** `list` as it is to be put in place: what was changed by hand, `drain` or a weight, stays where it says nothing new. */
  over({ peers, tlsOf }: PresentPeers, list: readonly PeerConfig[]): readonly PeerConfig[] {
    const before = new Occurrences(this.#before, ({ address }) => address)
    const present = new Occurrences(peers, (peer) => peer)
    return list.map((entry) => {
      const said = before.next(entry.address)
      const peer = present.next(entry.address)
      if (peer === undefined || !isDeepStrictEqual(said, entry)) return entry
      const parameters: PeerParameters = parametersOf(peer)
      return { address: entry.address, parameters, tls: tlsOf(peer) }
    })
  }

  taken(list: readonly PeerConfig[]): void {
    this.#before = list
  }
}

/** By address, in order: a list may have one more than once. */
class Occurrences<T> {
  readonly #byAddress = new Map<string, T[]>()

  constructor(items: readonly T[], addressOf: (item: T) => PeerAddress) {
    for (const item of items) {
      const key = keyOf(addressOf(item))
      const same = this.#byAddress.get(key)
      if (same === undefined) this.#byAddress.set(key, [item])
      else same.push(item)
    }
  }

  next(address: PeerAddress): T | undefined {
    return this.#byAddress.get(keyOf(address))?.shift()
  }
}

function keyOf({ protocol, name }: PeerAddress): string {
  return `${protocol}//${name}`
}
