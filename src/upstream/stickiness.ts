/** The plug-in contract of sticky sessions, as the choice of a peer sees it. */
import type { Peer, SelectionRequest } from './peer-selector.js'

/** What is asked while a request looks for its own peer. */
export interface HintTaker {
  /** All peers, in configured order. */
  readonly peers: readonly Peer[]
  /** Another number after each change of membership, or of a peer's parameters. */
  readonly version: number
  /**
   * May this request be given the peer because it belongs there? As `eligible`, but for one thing: a peer that is
   * draining keeps its sessions. It must be fit all the same, and have room.
   */
  takes(peer: Peer): boolean
}

/** Which requests belong to which peer (nginx `sticky`). A hint: whether the peer may be used is asked of `takes`. */
export interface Stickiness {
  /** Called before each attempt: whom the request belongs to, if that peer may be used; undefined: the selector chooses. */
  hinted(request: SelectionRequest, taker: HintTaker): Peer | undefined
}
