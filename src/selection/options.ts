/** The options of the selectors, as a user writes them. Read and checked in `config/selector.ts`. */
import type { SelectionRequest } from '../upstream/peer-selector.js'

/** Which time of an attempt is measured: to the head of the response, or to its last byte. */
export type MeasuredTime = 'header' | 'last_byte'

/**
 * What requests are told apart by: `'uri'` (path and query as sent; nginx `$request_uri`), `'path'` (the same without
 * the query), `'address'` (the client's, as far as `trustProxy` goes; nginx `$remote_addr`), a header field, a cookie or
 * an argument of the query, or a function. Also nginx's own writing, of `$request_uri`, `$remote_addr`, `$host`,
 * `$request_method`, `$http_…`, `$cookie_…` and `$arg_…`: `'$http_x_user$arg_id'`. A request without it (an empty text,
 * undefined) is given out by round robin.
 */
export type HashKey =
  | 'uri'
  | 'path'
  | 'address'
  | { readonly header: string }
  | { readonly cookie: string }
  | { readonly query: string }
  | ((request: SelectionRequest) => string | undefined)
  | (string & {})

/** The same key goes to the same peer. nginx `hash`, HAProxy `balance hash`, Envoy `RING_HASH`. */
export interface HashSelectorOptions {
  readonly name: 'hash'
  readonly key: HashKey
  /**
   * By a ring (ketama): when a peer comes or goes, only its own share of the keys moves. Default false, as in nginx, where
   * all of them move. nginx `hash … consistent`, HAProxy `hash-type consistent`.
   */
  readonly consistent?: boolean
  /**
   * With `consistent`: no peer gets more than this many times its fair share of what is in flight; what is too much goes
   * on to the next peer of the ring. More than 1; 1.25 is a good one. Default: no bound. HAProxy `hash-balance-factor`
   * (125), Envoy `hash_balance_factor`.
   */
  readonly boundedLoad?: number
}

/** By chance, by weight. nginx `random`, HAProxy `balance random`. */
export interface RandomSelectorOptions {
  readonly name: 'random'
  /**
   * Two by chance, and of these the one with less in flight by weight (`true`, `'least_conn'`), or with the shorter
   * times (`'least_time'`). Default false. nginx `random two`, Envoy `LEAST_REQUEST`.
   */
  readonly two?: boolean | 'least_conn' | 'least_time'
  /** With `two: 'least_time'`: which time. Default `'header'`. nginx `random two least_time=header`. */
  readonly time?: MeasuredTime
}

/** The shortest average time, multiplied by what is in flight. nginx `least_time`. */
export interface LeastTimeSelectorOptions {
  readonly name: 'least_time'
  /** Default `'header'`. */
  readonly time?: MeasuredTime
  /** Requests that are still waiting count with the time that they have waited. Default false. nginx `inflight`. */
  readonly inflight?: boolean
}

/**
 * Two by chance, and of these the one with the lower cost: its times, of which a long one counts at once and is forgotten
 * slowly, multiplied by what is in flight. Finagle and linkerd `peak EWMA`.
 */
export interface PeakEwmaSelectorOptions {
  readonly name: 'peak_ewma'
  /** Default `'header'`. */
  readonly time?: MeasuredTime
  /** What is older than this counts about a third: milliseconds, or an nginx time. Default 10 s. */
  readonly decay?: number | string
}

/** Selectors without options. */
export interface PlainSelectorOptions {
  readonly name: 'round_robin' | 'least_conn' | 'ip_hash' | 'first'
}

/** A selector of the library with its options: `{ name: 'hash', key: { cookie: 'sid' }, consistent: true }`. */
export type SelectorOptions =
  | PlainSelectorOptions
  | HashSelectorOptions
  | RandomSelectorOptions
  | LeastTimeSelectorOptions
  | PeakEwmaSelectorOptions

/** The names of the selectors. */
export type SelectorName = SelectorOptions['name']
