/** The options of sticky sessions and their documentation (nginx `sticky`). */
import type { HeaderList } from './message/header-list.js'
import type { Duration } from './options.js'
import type { Peer, SelectionRequest } from './upstream/peer-selector.js'

/** Keeps each client at its peer: exactly one of the three ways. */
export type StickyOptions =
  | { cookie: StickyCookieOptions; route?: undefined; learn?: undefined }
  | { route: readonly StickySource[]; cookie?: undefined; learn?: undefined }
  | { learn: StickyLearnOptions; cookie?: undefined; route?: undefined }

/** Where a text of a request is found. Of several cookies, fields or parameters of the name the first counts. */
export type StickySource =
  | { readonly cookie: string }
  | { readonly query: string }
  | { readonly header: string }
  | ((request: SelectionRequest) => string | undefined)

/** The balancer sets a cookie that names the peer. Attributes as in express-session. nginx `sticky cookie`. */
export interface StickyCookieOptions {
  /** Default `'srv_id'`. */
  name?: string
  /**
   * With it the value cannot be made up, and shows nothing of the address. Of several the first is used for new cookies,
   * and those made with the others are still known. Without it, whoever guesses an address can tell that it is the right
   * one. Several processes in front of the same peers need the same. Default: none. express-session `secret`.
   */
  secret?: string | readonly string[]
  /** Default `'/'`. */
  path?: string
  /** Default: the host that was asked, and none below it. */
  domain?: string
  /** Not shown to scripts. Default true. */
  httpOnly?: boolean
  /**
   * Sent over HTTPS only: always marked so (`true`), never (`false`), or where the client has come over HTTPS (`'auto'`,
   * with `trustProxy` through a proxy in front). Default false.
   */
  secure?: boolean | 'auto'
  /** `true` is `'strict'`. Default: the attribute is not set. */
  sameSite?: boolean | 'lax' | 'strict' | 'none'
  /** How long a browser keeps it, in whole seconds: `Max-Age`. Default: until it is closed. */
  maxAge?: Duration
  /** A fixed end in place of `maxAge`. */
  expires?: Date
  /** Kept apart for each site that embeds this one (CHIPS). Default false. */
  partitioned?: boolean
  /** Default: the attribute is not set. */
  priority?: 'low' | 'medium' | 'high'
  /** Set with every response, so that `maxAge` begins anew. Default false. */
  rolling?: boolean
  /**
   * The peers do not see the cookie, nor may they set one of its name. Default false: what clients send goes on as it
   * is. HAProxy `indirect`.
   */
  indirect?: boolean
  /**
   * A response that sets the cookie gets `Cache-Control: private`: out of a shared cache it would send all clients to one
   * peer. Default true; with `preset: 'nginx'` false. HAProxy `nocache`.
   */
  nocache?: boolean
}

/** A response of a peer, for `learn.create`. */
export interface StickyResponse {
  readonly status: number
  /** As the peer has sent them; changes to them change nothing. */
  readonly headers: HeaderList
  readonly peer: Peer
  readonly request: SelectionRequest
}

/** Sessions that the peers make are remembered with the peer that has made them. nginx `sticky learn`. */
export interface StickyLearnOptions {
  /** The session that a response begins: a cookie that it sets, a field, or a function. nginx `create`. */
  create:
    | { readonly cookie: string }
    | { readonly header: string }
    | ((response: StickyResponse) => string | undefined)
  /** The session that a request belongs to. nginx `lookup`. */
  lookup: StickySource
  /** Sessions remembered at most; the one not seen for the longest makes room. Default 10,000. nginx `zone`. */
  size?: number
  /** A session that is not seen for this long is forgotten. Default 10 min. nginx `timeout`. */
  timeout?: Duration
}
