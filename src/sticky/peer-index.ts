/** Peers by a text that stands for them. */
import type { Peer } from '../upstream/peer-selector.js'
import type { HintTaker } from '../upstream/stickiness.js'

export class PeerIndex {
  readonly #textsOf: (peer: Peer) => readonly string[]
  readonly #peers = new Map<string, Peer[]>()
  /** Of the upstream, when it was read last. */
  #version = -1

  constructor(textsOf: (peer: Peer) => readonly string[]) {
    this.#textsOf = textsOf
  }

  /** The first peer with this text that may be used. */
  find(text: string, taker: HintTaker): Peer | undefined {
    if (taker.version !== this.#version) this.#read(taker)
    const peers = this.#peers.get(text)
    if (peers === undefined) return undefined
    for (const peer of peers) if (taker.takes(peer)) return peer
    return undefined
  }

  #read({ peers, version }: HintTaker): void {
    this.#version = version
    this.#peers.clear()
    for (const peer of peers) {
      for (const text of this.#textsOf(peer)) {
        const known = this.#peers.get(text)
        if (known === undefined) this.#peers.set(text, [peer])
        else known.push(peer)
      }
    }
  }
}
