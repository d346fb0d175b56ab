/** The plug-in contract of the peer selectors. Algorithms import this file and nothing else. */
import type { Peer } from './peer.js'

export type { Peer } from './peer.js'

/** What a selector may know of the request. Every field is read on demand: an unused one costs nothing. */
export interface SelectionRequest {
  /** Address of the client's connection, as the socket gives it. */
  readonly remoteAddress: string | undefined
  /** The client's, as far as the proxies before us are trusted (`trustProxy`); may be any text that one of them wrote. */
  readonly clientAddress?: string | undefined
  readonly method: string
  /** The request target as the client sent it. */
  readonly url: string
  /** Header fields by lower-case name. */
  readonly headers: Readonly<Record<string, string | readonly string[] | undefined>>
}

/** Peers to choose from: the primaries, the backups, or those of them that a request is kept to. */
export interface PeerGroup {
  /** All of them, in configured order: a new list after each change of membership. */
  readonly peers: readonly Peer[]
  /**
   * Those that may get requests now, in the same order: not down, draining, full, marked or unhealthy. One list that
   * changes as they do. Whom a request has tried already stands here, too.
   */
  readonly live: readonly Peer[]
  /** Sum of the weights of all peers. As in nginx, one that is `down` counts: hashing leaves the others where they are. */
  readonly totalWeight: number
  /** Another number after each change of membership or of a weight: what was computed from the peers is then outdated. */
  readonly version: number
  /** Attempts in flight at all peers together; undefined where nobody counts them. */
  readonly inFlight?: number
  /** Sum of the weights of `live`; undefined where nobody adds them up. */
  readonly liveWeight?: number
}

/**
 * All the peers and one predicate: hashing walks every weight, round robin only the eligible.
 */
export interface Candidates {
  readonly group: PeerGroup
  /** Has this request tried a peer yet? While it has not, all of `group.live` are eligible, and need not be asked for. */
  readonly first: boolean
  /** May this peer be given the request now? Not yet tried, not down, draining, full, marked or unhealthy. */
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
  /** Called for each response head, where it is there: milliseconds since the attempt began. Never for exempt requests. */
  answered?(peer: Peer, ms: number): void
  /**
   * Called when an attempt is over, where it is there: its last byte has come, or it has failed; milliseconds since it
   * began, and to the response head (undefined: none came). Never for exempt requests.
   */
  finished?(peer: Peer, outcome: 'ok' | 'next' | 'failed', ms: number, headMs?: number): void
  /** Called when an attempt begins, where it is there; also when somebody else has chosen the peer. */
  began?(peer: Peer): void
  /** Called in place of `finished` for an exempt request, where it is there: what `began` has said is over. */
  dropped?(peer: Peer, ms: number): void
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
  /** Milliseconds of the upstream's clock. */
  readonly now: () => number
}
