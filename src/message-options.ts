/** The options that change messages: their types and documentation. */
import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Duplex, Readable } from 'node:stream'
import type { HeaderList } from './message/header-list.js'
import type { Peer } from './upstream/peer.js'

/** What is known where a request is changed. */
export interface RequestContext {
  /** The client's request, as the server and middleware left it. */
  readonly request: IncomingMessage
  /** The client's response; what middleware has hung on it (`res.locals`) is there. */
  readonly response: ServerResponse
}

/** What is known where a response is changed. */
export interface ResponseContext extends RequestContext {
  /** The peer that it came from. */
  readonly peer: Peer
  /** The response's own status. */
  readonly status: number
}

/** A field's value, several lines of it, or a function of the message; undefined leaves the field alone. */
export type HeaderValue<Context> =
  | string
  | readonly string[]
  | undefined
  | ((context: Context) => string | readonly string[] | undefined)

/**
 * Changes to header fields. Done in this order: `remove`, `set`, `append`. Names are matched in any case, and written as
 * they are here. Framing and hop-by-hop fields are not to be set; for `Host` there is the option `host`.
 */
export interface HeaderChanges<Context> {
  /** Replaces the field, or adds it; an empty list takes it out. */
  set?: Readonly<Record<string, HeaderValue<Context>>>
  /** Adds a line, whatever is there already. */
  append?: Readonly<Record<string, HeaderValue<Context>>>
  /** Takes the field out. */
  remove?: readonly string[]
}

/**
 * `from` as text is a path prefix, and `to` takes its place (nginx `location` and `proxy_pass` with a path): both with a
 * slash at the end, or both without. A RegExp is matched against the path without its query, and where it matches all
 * of the path becomes `to`, which may hold `$1` …, `$<name>` and `$&` (nginx `rewrite`). The query stays as it is: it
 * follows one that `to` brings, and a `?` at the end of such a `to` drops it. The path is matched as it came, not
 * decoded.
 */
export interface RewriteRule {
  from: string | RegExp
  to: string
}

/** @see BalancerOptions.rewrite */
export type RewriteOption =
  RewriteRule | readonly RewriteRule[] | ((target: string, context: RequestContext) => string)

/**
 * `from` as text is a prefix of the URL, and `to` takes its place. Where `from` is a RegExp and matches, all of the URL
 * becomes `to`, which may hold `$1` …
 */
export interface RedirectRule {
  from: string | RegExp
  to: string
}

/** @see BalancerOptions.redirect */
export type RedirectOption =
  | boolean
  | RedirectRule
  | readonly RedirectRule[]
  | ((location: string, context: ResponseContext) => string)

/**
 * `from` as text: for a domain all of it, whatever its case and a dot at its beginning; for a path a prefix. Where a
 * RegExp matches, all of the value becomes `to`, which may hold `$1` …
 */
export interface CookieRule {
  from: string | RegExp
  to: string
}

/** A request before it goes out, open to change. */
export interface UpstreamRequestHead {
  /** A token; CONNECT is none of them, and nothing becomes HEAD. */
  method: string
  /** In origin form: `/path?query`; or `*`. */
  target: string
  /** Framing and hop-by-hop fields are not among them, and are dropped if they are set: the transport writes its own. */
  readonly headers: HeaderList
  /**
   * Left undefined, the client's own. Text and bytes are sent with their length, null is no body, a stream is sent
   * chunked, and destroyed when the request is over. Fields that describe the body (`Content-Type`, `Content-Encoding`)
   * are the hook's to change. A stream made of the client's request is fine; one that reads it only to leave this
   * undefined has used it up.
   */
  body: string | Uint8Array | Readable | null | undefined
}

/** A response before it goes to the client, open to change. */
export interface UpstreamResponseHead {
  /** From 200 to 599. */
  status: number
  /** Reason phrase; HTTP/2 has none. Left as it is, it becomes that of a status which is changed. */
  statusMessage: string
  /**
   * Framing and hop-by-hop fields that are added here are dropped. A body that is replaced brings its own
   * `Content-Length`.
   */
  readonly headers: HeaderList
  /**
   * Left undefined, the peer's own. Text and bytes replace it, null is no body, a Duplex has it piped through, and its
   * trailers follow. The fields that describe it (`Content-Encoding`, `ETag`) are the hook's to change. Nothing is sent
   * where there can be no body: for HEAD, 204 and 304.
   */
  body: string | Uint8Array | Duplex | null | undefined
}

/** @see BalancerOptions.onUpstreamRequest */
export type OnUpstreamRequest = (
  head: UpstreamRequestHead,
  context: RequestContext,
) => void | Promise<void>

/** @see BalancerOptions.onUpstreamResponse */
export type OnUpstreamResponse = (
  head: UpstreamResponseHead,
  context: ResponseContext,
) => void | Promise<void>

/** @see BalancerOptions.interceptErrors */
export type InterceptErrors = (
  head: Readonly<UpstreamResponseHead>,
  context: ResponseContext,
) => boolean | undefined | Promise<boolean | undefined>
