/** Sticky sessions: whom a request belongs to, and how its client is told. */
import type { IncomingMessage } from 'node:http'
import type { Clock } from '../clock.js'
import type { StickyConfig } from '../config/types.js'
import type { Peer, SelectionRequest } from '../upstream/peer-selector.js'
import type { Stickiness } from '../upstream/stickiness.js'
import { CookieSessions } from './cookie-sessions.js'
import { LearnedSessions } from './learned-sessions.js'
import { RouteSessions } from './route-sessions.js'

/** A request whose response is on its way. The exchange is one. */
export interface StickyRequest extends SelectionRequest {
  readonly req: IncomingMessage
}

/** What a peer has answered. */
export interface PeerResponse {
  readonly status: number
  readonly rawHeaders: readonly string[]
}

export interface StickySessions extends Stickiness {
  /** A cookie that peers are not shown; undefined: none. */
  readonly hiddenCookie: string | undefined
  /**
   * A final response of `peer` goes to the client. Returns its fields as the client is to have them: the list itself, where
   * nothing is to be changed.
   */
  answered(
    fields: readonly string[],
    request: StickyRequest,
    peer: Peer,
    response: PeerResponse,
    isSecure: (req: IncomingMessage) => boolean,
  ): readonly string[]
}

export function stickySessions(config: StickyConfig, clock: Clock): StickySessions {
  switch (config.way) {
    case 'cookie':
      return new CookieSessions(config)
    case 'route':
      return new RouteSessions(config.route)
    case 'learn':
      return new LearnedSessions(config, clock)
  }
}
