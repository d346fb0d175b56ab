/** Which peers have series of their own: no more than so many, however often peers come and go. */
import type { Peer } from '../../upstream/peer.js'
import { PeerCounts } from './peer-counts.js'

/** No peer's name: those have a port, or begin with `unix:`. */
const OTHER_PEERS = 'other'

export class PeerSeries {
  readonly #max: number
  readonly #bounds: Float64Array
  readonly #byPeer = new Map<Peer, PeerCounts>()
  /** An address may stand in a list more than once: it has one series. */
  readonly #byName = new Map<string, PeerCounts>()
  #other: PeerCounts | undefined

  constructor(peers: readonly Peer[], max: number, bounds: Float64Array) {
    this.#max = max
    this.#bounds = bounds
    for (const peer of peers) this.join(peer)
  }

  /** Undefined: it has left. What it still had under way is in no series, or that of a peer that is gone would return. */
  of(peer: Peer): PeerCounts | undefined {
    return this.#byPeer.get(peer)
  }

  join(peer: Peer): void {
    if (!this.#byPeer.has(peer)) this.#byPeer.set(peer, this.#countsFor(peer.name))
  }

  /** A peer that was one of the others stays so, although there is room now: its counts cannot be told from theirs. */
  leave(peer: Peer): void {
    const counts = this.#byPeer.get(peer)
    this.#byPeer.delete(peer)
    if (counts === undefined || counts === this.#other) return
    for (const each of this.#byPeer.values()) if (each === counts) return
    this.#byName.delete(peer.name)
  }

  /** Each series with its peers; more than one only where an address stands in the list more than once, or for the others. */
  groups(): Map<PeerCounts, Peer[]> {
    const groups = new Map<PeerCounts, Peer[]>()
    for (const [peer, counts] of this.#byPeer) {
      const group = groups.get(counts)
      if (group === undefined) groups.set(counts, [peer])
      else group.push(peer)
    }
    // Counters do not go away because the others have left.
    if (this.#other !== undefined && !groups.has(this.#other)) groups.set(this.#other, [])
    return groups
  }

  #countsFor(name: string): PeerCounts {
    const known = this.#byName.get(name)
    if (known !== undefined) return known
    if (this.#byName.size >= this.#max)
      return (this.#other ??= new PeerCounts(OTHER_PEERS, this.#bounds))
    const counts = new PeerCounts(name, this.#bounds)
    this.#byName.set(name, counts)
    return counts
  }
}
