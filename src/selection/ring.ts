/** The ring of consistent hashing (ketama), with nginx's points; a change of one peer changes its own points only. */
import type { Peer, PeerGroup } from '../upstream/peer-selector.js'
import { eachPoint, POINTS } from './ring-points.js'
import { hashOf, MOST_OWNERS, ownerOf, pointOf, SortedPoints } from './sorted-points.js'

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

const NOBODY: readonly Peer[] = []

export class Ring {
  readonly #points = new SortedPoints()
  readonly #servers = new Map<string, RingServer>()
  #byId: (RingServer | undefined)[] = []
  #freeIds: number[] = []
  /** Those that it was made for, with the weights that they had then. */
  #peers: readonly Peer[] = []
  #weights: Float64Array = new Float64Array()
  #hash = 0

  /** Takes the group's peers as they are now. */
  update({ peers }: PeerGroup): void {
    const { start, oldEnd, newEnd } = this.#changedPart(peers)
    const changed = new Set<RingServer>()
    for (const peer of this.#peers.slice(start, oldEnd)) {
      const server = this.#serverOf(peer.name)
      server.peers.splice(server.peers.indexOf(peer), 1)
      changed.add(server)
    }
    for (const peer of peers.slice(start, newEnd)) {
      const server = this.#serverOf(peer.name)
      server.peers.push(peer)
      changed.add(server)
    }
    this.#peers = peers
    this.#weights = weightsOf(peers)
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
    for (;;) {
      const twin = this.#points.after()
      if (twin === undefined || twin === point || hashOf(twin) !== this.#hash) break
      const other = this.#byId[ownerOf(twin)]
      if (positionOf(other) < positionOf(best)) best = other
    }
    return best?.peers ?? NOBODY
  }

  /** The hash after the place that was found last: where the search goes on. */
  get next(): number {
    return (this.#hash + 1) % HASHES
  }

  /** Where the lists differ: mostly it is one peer, and the rest need not be looked at again. */
  #changedPart(peers: readonly Peer[]): { start: number; oldEnd: number; newEnd: number } {
    const isSame = (was: number, is: number): boolean => {
      const peer = peers[is]
      return peer !== undefined && peer === this.#peers[was] && peer.weight === this.#weights[was]
    }
    let start = 0
    while (isSame(start, start)) start++
    let oldEnd = this.#peers.length
    let newEnd = peers.length
    while (oldEnd > start && newEnd > start && isSame(oldEnd - 1, newEnd - 1)) {
      oldEnd--
      newEnd--
    }
    return { start, oldEnd, newEnd }
  }

  #fill(servers: Iterable<RingServer>): void {
    let size = 0
    for (const server of servers) {
      this.#arrange(server)
      size += server.weight * POINTS
    }
    const points = new Float64Array(size)
    let at = 0
    for (const { name, id, weight } of servers) {
      eachPoint(name, 0, weight, (hash) => {
        points[at++] = pointOf(hash, id)
      })
    }
    this.#points.fill(points)
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

function weightsOf(peers: readonly Peer[]): Float64Array {
  const weights = new Float64Array(peers.length)
  for (const [index, { weight }] of peers.entries()) weights[index] = weight
  return weights
}
