/** The public options and their documentation. Defaults and rules are applied in `config.ts`. */
import type { IncomingMessage, ServerResponse } from 'node:http'
import type { SecureContextOptions } from 'node:tls'
import type { Clock } from './clock.js'
import type { BalancerError } from './errors.js'
import type { Condition } from './next-upstream/condition.js'
import type { DecideNextUpstream, NextUpstreamPolicy } from './next-upstream/decide.js'
import type { AgentPool, SelectAgent } from './transport/agents.js'
import type { Transport } from './transport/transport.js'
import type { PeerSelector, SelectPeer } from './upstream/peer-selector.js'
import type { Upstream } from './upstream/upstream.js'

/**
 * Milliseconds as a number, or an nginx time as a text: `'500ms'`, `'10s'`, `'1m'`, `'1h 30m'`; as in nginx, a bare
 * `'10'` is seconds. At most 24 days (2^31 - 1 ms).
 */
export type Duration = number | string

/** Bytes, or an nginx size: `'16k'`, `'1m'`, `'1g'`. */
export type Size = number | string

/** One server of an upstream (nginx `server`). */
export interface PeerOptions {
  /**
   * `http://host:port`, `https://host:port`, nginx's bare `host:port`, or `unix:/path/to.sock`; no path, query or
   * credentials.
   */
  url: string
  /** Share of the requests, a positive integer. Default 1. nginx `weight`. */
  weight?: number
  /** Attempts in flight at most; 0 is no limit. Default 0. nginx `max_conns`. */
  maxConns?: number
  /** Failures within `failTimeout` that mark the peer; 0 never marks it. Default: the upstream's. nginx `max_fails`. */
  maxFails?: number
  /** Default: the upstream's. nginx `fail_timeout`. */
  failTimeout?: Duration
  /** Used only when no primary can be. Default false. nginx `backup`. */
  backup?: boolean
  /** Gets no requests. Default false. nginx `down`. */
  down?: boolean
}

/** The pool of kept-alive connections (nginx `keepalive` and its kin). */
export interface KeepaliveOptions {
  /** Idle connections kept for each peer; not a limit on connections in use. Default 64. nginx `keepalive`. */
  connections?: number
  /** An idle connection is closed after this; learnt downwards from each peer. Default 60 s. nginx `keepalive_timeout`. */
  timeout?: Duration
  /** Requests on one connection before it is retired. Default 1000. nginx `keepalive_requests`. */
  requests?: number
  /** Age at which a connection is retired. Default 1 h. nginx `keepalive_time`. */
  time?: Duration
  /**
   * What a request that may not be repeated (POST, PATCH …) may go out on: `'fresh'`, a connection that never
   * served before, or `'any'`, as nginx does, at the price of a failure when the peer closes it at that moment.
   * Default `'fresh'`.
   */
  nonIdempotent?: 'fresh' | 'any'
}

/** Background probes of a marked peer. */
export interface ProbeOptions {
  /** Longest pause between two probes; the first come sooner. Default 1 s. */
  interval?: Duration
  /** A probe without an answer for this long has failed. Default 1 s. */
  timeout?: Duration
}

/** Requests that wait for a peer (nginx Plus `queue`). */
export interface QueueOptions {
  /** Requests that may wait at the same time; one more is answered 503. Default 1000. */
  size?: number
  /** How long one may wait. Default 10 s. */
  timeout?: Duration
}

/** TLS towards `https:` peers. */
export interface PeerTlsOptions extends Pick<
  SecureContextOptions,
  'ca' | 'cert' | 'key' | 'passphrase' | 'pfx' | 'ciphers' | 'minVersion' | 'maxVersion'
> {
  /** Check the peer's certificate. Default true. nginx `proxy_ssl_verify`. */
  verify?: boolean
  /** Name for SNI and for the check. Default: the peer's host name. nginx `proxy_ssl_name`. */
  name?: string
}

/** What belongs to the group of peers, and is shared by all balancers in front of it (nginx `upstream {}`). */
export interface UpstreamOptions {
  /** Shown in logs and, when no peer can be chosen, in `$upstream_addr`. Default `'upstream'`. */
  name?: string
  /** The peers; at least one. */
  peers: readonly (string | PeerOptions)[]
  /** Name of an algorithm, a {@link PeerSelector}, or a function. Default `'round_robin'`. */
  selector?: string | PeerSelector | SelectPeer
  /** For peers that do not say otherwise. Default 1. nginx `max_fails`. */
  maxFails?: number
  /** For peers that do not say otherwise. Default 10 s. nginx `fail_timeout`. */
  failTimeout?: Duration
  /**
   * What counts against a peer, of what was the matter with an attempt. Statuses have a ledger of their own.
   * Default `['error', 'timeout', 'invalid_header']`; with `preset: 'nginx'` also each listed 5xx and 429.
   */
  failOn?: readonly Condition[]
  /**
   * When every peer is marked: `'try'` the least bad, `'wait'` in the `queue` for one to come back, or `'fail'`
   * as nginx does ("no live upstreams"). Default `'try'`.
   */
  whenNoneLive?: 'try' | 'wait' | 'fail'
  /** For `whenNoneLive: 'wait'`: when every peer is marked, or at `maxConns`. */
  queue?: QueueOptions
  /** Probes of marked peers, or false for none: then they come back after `failTimeout`. */
  probe?: ProbeOptions | false
  /** Options of the built-in pool, or a pool of your own. */
  keepalive?: KeepaliveOptions | AgentPool | SelectAgent
  /** For `https:` peers. */
  tls?: PeerTlsOptions
  /** `'nginx'`: nginx's strict behaviour in place of our defaults. Each option given still wins. */
  preset?: 'nginx'
  /** Where time comes from. Default: the system. */
  clock?: Clock
  /** Where chance comes from: uniform in [0, 1). Default `Math.random`. */
  random?: () => number
}

/** When the next upstream is tried (nginx `proxy_next_upstream` and its kin). */
export interface NextUpstreamOptions {
  /**
   * nginx's conditions. Default `['error', 'timeout', 'invalid_header', 'http_502', 'http_503', 'http_504']`.
   * `'off'` alone turns it off.
   */
  on?: readonly Condition[]
  /**
   * Attempts in all, the first included; 0 is no limit but the number of peers. They begin anew for a request that has
   * waited in the `queue`. Default 3. nginx `proxy_next_upstream_tries`.
   */
  tries?: number
  /** Time for all attempts together; also ends the running one; 0 is none. Default 0. nginx `proxy_next_upstream_timeout`. */
  timeout?: Duration
  /**
   * May this request be repeated after it has been sent? Default: every method but POST, PATCH, LOCK and CONNECT
   * and those that RFC 9110 does not call idempotent. Called at most once a request.
   */
  idempotent?: (request: IncomingMessage) => boolean
  /** A policy of your own in place of the standard decision. */
  policy?: NextUpstreamPolicy | DecideNextUpstream
}

/** How many retries a struggling upstream is burdened with. */
export interface RetryBudgetOptions {
  /** Retries as a share of the requests of the window. Default 0.2. */
  ratio?: number
  /** Retries a second that are always allowed. Default 10. */
  floor?: number
  /** Default 10 s. */
  window?: Duration
}

/** Express's `trust proxy`: everyone, nobody, a number of hops, addresses and networks, or a function. */
export type TrustProxy =
  boolean | number | string | readonly string[] | ((address: string, hop: number) => boolean)

/** What `createBalancer` takes. */
export interface BalancerOptions extends Omit<UpstreamOptions, 'peers'> {
  /** The peers, or a group made by `createUpstream` that others share; the group's options then stand there. */
  upstream: readonly (string | PeerOptions)[] | Upstream
  nextUpstream?: NextUpstreamOptions | DecideNextUpstream
  /** Retries in proportion to requests, or false for no limit. A stale connection and a request never sent are free. */
  retryBudget?: RetryBudgetOptions | false
  /** Time to connect, TLS included. Default 5 s. nginx `proxy_connect_timeout`. */
  connectTimeout?: Duration
  /** Between two successful writes to the peer. Default 60 s. nginx `proxy_send_timeout`. */
  sendTimeout?: Duration
  /** Between two reads from the peer. Default 60 s. nginx `proxy_read_timeout`. */
  readTimeout?: Duration
  /** Size of a response head at most; more is `invalid_header`. Default 16k. nginx `proxy_buffer_size`. */
  bufferSize?: Size
  /**
   * A response that announces at most this many bytes is read whole before any of it is sent to the client: a peer
   * that dies in the middle then costs a try, not a broken response. Longer ones, and those of unknown length
   * (server-sent events), go on chunk by chunk as they come. 0 reads none whole. Default 64k; with `preset: 'nginx'` 0.
   */
  wholeResponse?: Size
  /**
   * `'replay'`: a body goes out as it comes, and its beginning is kept so that a next upstream can have it.
   * `'off'`: nothing is kept. Default `'replay'`. nginx `proxy_request_buffering`.
   */
  requestBuffering?: 'replay' | 'off'
  /** Kept of one request body at most. Default 64k; with `preset: 'nginx'` 1m. */
  replayBuffer?: Size
  /** Kept of all request bodies together at most. Default 64m. */
  replayMemory?: Size
  /** Request body at most, else 413; 0 is no limit. Default 0. nginx `client_max_body_size`. */
  maxBody?: Size
  /** Whose `X-Forwarded-*` are believed, with the meaning Express gives it. Default false: they are replaced. */
  trustProxy?: TrustProxy
  /** The `Host` that peers see: the client's, the peer's own name, or this text. Default `'client'`. */
  host?: 'client' | 'peer' | (string & {})
  /** Name in `Proxy-Status` (RFC 9209), or false for no such field. Default `'evenkeel'`. */
  proxyStatus?: string | false
  /** Carries the attempts. Default: http-proxy-3 over the upstream's pool. */
  transport?: Transport
  /** Answers in place of our plain-text error page. What it throws becomes a bare 500. */
  onError?: (error: BalancerError, request: IncomingMessage, response: ServerResponse) => void
}
