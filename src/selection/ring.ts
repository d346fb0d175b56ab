/** The ring of consistent hashing (ketama), with nginx's points; a change of one peer changes its own points only. */
import type { Peer, PeerGroup } from '../upstream/peer-selector.js'
import { eachPoint } from './ring-points.js'
import { hashOf, MOST_OWNERS, ownerOf, pointOf, RingBuckets } from './ring-buckets.js'

/** Points for one unit of weight. */
const POINTS = 160
const HASHES = 2 ** 32

/** Peers of one name share their points: in nginx, the addresses of one `server`. */
class RingServer {
  readonly name: string
  readonly id: number
  /** In configured order. */
  readonly peers: Peer[] = []
  /** That it has points for. */
  weight = 0

  constructor(name: string, id: number) {
    this.name = name
    this.id = id
  }
}

/** A peer that stood in the list, with the weight that it had there. */
interface Placed {
  readonly peer: Peer
  readonly weight: number
}

const NOBODY: readonly Peer[] = []

export class Ring {
  readonly #points = new RingBuckets()
  readonly #servers = new Map<string, RingServer>()
  #byId: (RingServer | undefined)[] = []
  #freeIds: number[] = []
  #placed: readonly Placed[] = []
  #hash = 0

  /** Takes the group's peers as they are now. */
  update({ peers, totalWeight }: PeerGroup): void {
    const { start, oldEnd, newEnd } = changedPart(this.#placed, peers)
    const changed = new Set<RingServer>()
    for (const { peer } of this.#placed.slice(start, oldEnd)) {
      const server = this.#serverOf(peer.name)
      server.peers.splice(server.peers.indexOf(peer), 1)
      changed.add(server)
    }
    for (const peer of peers.slice(start, newEnd)) {
      const server = this.#serverOf(peer.name)
      server.peers.push(peer)
      changed.add(server)
    }
    this.#placed = peers.map((peer) => ({ peer, weight: peer.weight }))
    this.#points.expect(totalWeight * POINTS)
    if (this.#points.size === 0) this.#fill(changed)
    else for (const server of changed) this.#place(server)
    for (const server of changed) if (server.peers.length === 0) this.#forget(server)
  }

  /** Goes to the first place from a hash on, around the ring: the peers are those of one name, in configured order. */
  seek(hash: number): readonly Peer[] {
    const point = this.#points.seek(hash)
    if (point === undefined) return NOBODY
    this.#hash = hashOf(point)
    let best = this.#byId[ownerOf(point)]
    // nginx keeps one point of several with the same hash: that of the server which stands first.
    for (
      let n = 1, twin = this.#points.twin(1);
      twin !== undefined;
      twin = this.#points.twin(++n)
    ) {
      const other = this.#byId[ownerOf(twin)]
      if (positionOf(other) < positionOf(best)) best = other
    }
    return best?.peers ?? NOBODY
  }

  /** The hash after the place that was found last: where the search goes on. */
  get next(): number {
    return (this.#hash + 1) % HASHES
  }

  #fill(servers: Iterable<RingServer>): void {
    for (const server of servers) {
      this.#arrange(server)
      eachPoint(server.name, 0, server.weight, (hash) => {
        this.#points.push(pointOf(hash, server.id))
      })
    }
    this.#points.sort()
  }

  #place(server: RingServer): void {
    const before = server.weight
    this.#arrange(server)
    const { name, id, weight } = server
    if (weight > before) {
      eachPoint(name, before, weight, (hash) => {
        this.#points.insert(pointOf(hash, id))
      })
    } else if (weight < before) {
      eachPoint(name, weight, before, (hash) => {
        this.#points.remove(pointOf(hash, id))
      })
    }
  }

  #arrange(server: RingServer): void {
    if (server.peers.length > 1) server.peers.sort((a, b) => a.index - b.index)
    server.weight = server.peers.reduce((most, { weight }) => Math.max(most, weight), 0)
  }

  #serverOf(name: string): RingServer {
    let server = this.#servers.get(name)
    if (server === undefined) {
      server = new RingServer(name, this.#freeIds.pop() ?? this.#byId.length)
      if (server.id >= MOST_OWNERS) throw new RangeError('too many peers for a ring')
      this.#servers.set(name, server)
      this.#byId[server.id] = server
    }
    return server
  }

  #forget({ name, id }: RingServer): void {
    this.#servers.delete(name)
    this.#byId[id] = undefined
    this.#freeIds.push(id)
  }
}

function positionOf(server: RingServer | undefined): number {
  return server?.peers[0]?.index ?? Infinity
}

/** Where two lists differ: mostly it is one peer, and the rest need not be looked at again. */
function changedPart(
  before: readonly Placed[],
  peers: readonly Peer[],
): { start: number; oldEnd: number; newEnd: number } {
  const isSame = (was: Placed | undefined, is: Peer | undefined): boolean =>
    was !== undefined && was.peer === is && was.weight === is.weight
  let start = 0
  while (isSame(before[start], peers[start])) start++
  let oldEnd = before.length
  let newEnd = peers.length
  while (oldEnd > start && newEnd > start && isSame(before[oldEnd - 1], peers[newEnd - 1])) {
    oldEnd--
    newEnd--
  }
  return { start, oldEnd, newEnd }
}
