/** Subsets of the peers by their labels: those that a request is kept to (Envoy load balancer subsets). */
import { LiveGroup } from './peer-group.js'
import type { SelectionRequest } from './peer-selector.js'
import type { PeerState } from './peer.js'

/** Labels that a peer must have. One that is undefined is not asked for. */
export type WantedLabels = Readonly<Record<string, string | undefined>>

export interface SubsetSettings {
  readonly of: (request: SelectionRequest) => WantedLabels | undefined
  /** Whom a request gets when none of its subset can be used: nobody, anybody, or those with these labels. */
  readonly fallback: 'none' | 'any' | WantedLabels
}

/** Peers that a request may be given, by tiers. */
export interface PeerScope {
  /** In configured order. */
  readonly peers: readonly PeerState[]
  /** By priority. */
  readonly tiers: readonly LiveGroup[]
  has(peer: PeerState): boolean
}

/** All peers. */
export interface AllPeers extends PeerScope {
  /** Another number after each change of membership, or of a peer's parameters. */
  readonly version: number
}

const NONE: readonly never[] = []
const NOBODY: PeerScope = { peers: NONE, tiers: NONE, has: () => false }

/** Subsets that are kept up to date at the same time; the one that was not asked for the longest makes room. */
const MOST = 128

type Label = readonly [name: string, value: string]

export class Subsets {
  readonly #settings: SubsetSettings
  readonly #locality: string | undefined
  readonly #all: AllPeers
  /** Peers by each of their labels: what a client makes up is told from what there is without a search. */
  readonly #byLabel = new Map<string, Map<string, PeerState[]>>()
  #indexed = -1
  /** By their labels. Only those that have a peer: what clients ask for must not fill it. */
  readonly #subsets = new Map<string, Subset>()
  #latest = ''

  constructor(settings: SubsetSettings, all: AllPeers, locality: string | undefined) {
    this.#settings = settings
    this.#all = all
    this.#locality = locality
  }

  /** Undefined: a request is not kept to a subset. */
  wantedBy(request: SelectionRequest): WantedLabels | undefined {
    const wanted: unknown = this.#settings.of(request)
    return typeof wanted === 'object' && wanted !== null ? (wanted as WantedLabels) : undefined
  }

  /** For a request whose subset has nobody to give. */
  get fallback(): PeerScope | undefined {
    const { fallback } = this.#settings
    if (fallback === 'none') return undefined
    return fallback === 'any' ? this.#all : this.scopeOf(fallback)
  }

  scopeOf(wanted: WantedLabels): PeerScope {
    const { version } = this.#all
    if (this.#indexed !== version) this.#index(version)
    let fewest: readonly PeerState[] | undefined
    let key = ''
    const names = Object.keys(wanted)
    if (names.length > 1) names.sort()
    for (const name of names) {
      const value: unknown = wanted[name]
      if (value === undefined) continue
      // A field that was sent twice, say, is a list, and no label.
      if (typeof value !== 'string') return NOBODY
      const having = this.#byLabel.get(name)?.get(value)
      if (having === undefined) return NOBODY
      if (fewest === undefined || having.length < fewest.length) fewest = having
      // Labels have no control characters, and this value is one of a peer's.
      key += `${name}\0${value}\0`
    }
    if (fewest === undefined) return this.#all
    const known = this.#subsets.get(key)
    if (known?.version !== version) return this.#rebuilt(key, known ?? wanted, fewest, version)
    this.#touch(key, known)
    return known
  }

  #rebuilt(
    key: string,
    known: Subset | WantedLabels,
    candidates: readonly PeerState[],
    version: number,
  ): PeerScope {
    const isNew = !(known instanceof Subset)
    const subset = isNew ? new Subset(labelsOf(known), this.#locality) : known
    subset.rebuild(candidates, version)
    if (subset.peers.length === 0) {
      this.#subsets.delete(key)
      return NOBODY
    }
    if (isNew && this.#subsets.size >= MOST) this.#giveUpOldest()
    this.#touch(key, subset)
    return subset
  }

  #touch(key: string, subset: Subset): void {
    if (key === this.#latest && this.#subsets.has(key)) return
    this.#latest = key
    this.#subsets.delete(key)
    this.#subsets.set(key, subset)
  }

  #giveUpOldest(): void {
    for (const [key, subset] of this.#subsets) {
      this.#subsets.delete(key)
      subset.giveUp()
      return
    }
  }

  #index(version: number): void {
    this.#indexed = version
    this.#byLabel.clear()
    for (const peer of this.#all.peers) {
      for (const name of Object.keys(peer.labels)) {
        const value = peer.labels[name] ?? ''
        const values = entryOf(this.#byLabel, name, newMap<string, PeerState[]>)
        entryOf(values, value, newList<PeerState>).push(peer)
      }
    }
  }
}

class Subset implements PeerScope {
  readonly #labels: readonly Label[]
  readonly #locality: string | undefined
  peers: readonly PeerState[] = NONE
  tiers: readonly LiveGroup[] = NONE
  version = -1

  constructor(labels: readonly Label[], locality: string | undefined) {
    this.#labels = labels
    this.#locality = locality
  }

  has(peer: PeerState): boolean {
    for (const [name, value] of this.#labels) if (peer.labels[name] !== value) return false
    return !peer.removed
  }

  /** After a change of membership, which has taken its groups off the peers. They stay the same objects for selectors. */
  rebuild(candidates: readonly PeerState[], version: number): void {
    this.version = version
    this.peers = candidates.filter((peer) => this.has(peer))
    const known = new Map(this.tiers.map((group) => [group.priority, group]))
    const byTier = groupByTier(this.peers)
    this.tiers = byTier.map(([priority, peers]) => {
      const group = known.get(priority) ?? new LiveGroup(priority, this.#locality)
      group.replace(peers)
      for (const peer of peers) peer.listings = [...peer.listings, group]
      return group
    })
  }

  /** Nobody keeps it up to date any more. */
  giveUp(): void {
    this.version = -1
    for (const group of this.tiers) {
      for (const peer of group.peers)
        peer.listings = peer.listings.filter((listing) => listing !== group)
    }
  }
}

function labelsOf(wanted: WantedLabels): Label[] {
  const labels: Label[] = []
  for (const [name, value] of Object.entries(wanted)) {
    if (value !== undefined) labels.push([name, value])
  }
  return labels
}

/** By priority, each in the order of `peers`. */
export function groupByTier(
  peers: readonly PeerState[],
): (readonly [priority: number, peers: readonly PeerState[]])[] {
  const byTier = new Map<number, PeerState[]>()
  for (const peer of peers) entryOf(byTier, peer.tier, newList<PeerState>).push(peer)
  return [...byTier].sort(([a], [b]) => a - b)
}

function entryOf<K, V>(map: Map<K, V>, key: K, make: () => V): V {
  const known = map.get(key)
  if (known !== undefined) return known
  const made = make()
  map.set(key, made)
  return made
}

function newMap<K, V>(): Map<K, V> {
  return new Map()
}

function newList<T>(): T[] {
  return []
}
