/** The plug-in contract of the peer selectors. Algorithms import this file and nothing else. */
import type { Peer } from './peer.js'

export type { Peer } from './peer.js'

/** What a selector may know of the request. Every field is read on demand: an unused one costs nothing. */
export interface SelectionRequest {
  /** Address of the client's connection, as the socket gives it. */
  readonly remoteAddress: string | undefined
  readonly method: string
  /** The request target as the client sent it. */
  readonly url: string
  /** Header fields by lower-case name. */
  readonly headers: Readonly<Record<string, string | readonly string[] | undefined>>
}

/** The peers of one tier: the primaries, or the backups. */
export interface PeerGroup {
  readonly peers: readonly Peer[]
  /** Sum of the weights of all peers that are not `down`. */
  readonly totalWeight: number
}

/**
 * All the peers and one predicate: hashing walks every weight, round robin only the eligible.
 */
export interface Candidates {
  readonly group: PeerGroup
  /** May this peer be given the request now? Not yet tried, not down, draining, full or marked. */
  eligible(peer: Peer): boolean
}

/** Chooses for one request; may keep state between its tries, as hashing does. */
export interface PeerPicker {
  /** Called once for each attempt. `undefined` when no eligible peer can be found. */
  pick(candidates: Candidates): Peer | undefined
}

/** A way to choose peers. One object serves one upstream. */
export interface PeerSelector {
  /** Shown in logs. */
  readonly name: string
  /** Called once for each request. An algorithm without state for each request returns the same picker every time. */
  begin(request: SelectionRequest): PeerPicker
}

/**
 * A selector as a bare function: gets the eligible peers (never none) and the request, returns one of them.
 * Returning `undefined`, or a peer that is not eligible, leaves the choice to smooth weighted round robin.
 */
export type SelectPeer = (peers: readonly Peer[], request: SelectionRequest) => Peer | undefined

/** Makes a selector for one upstream; the form in which algorithms are registered. */
export type PeerSelectorFactory = (context: SelectorContext) => PeerSelector

/** What a factory is given: randomness is handed in, so that a seed gives the same choices again. */
export interface SelectorContext {
  /** Uniform in [0, 1). */
  readonly random: () => number
}
