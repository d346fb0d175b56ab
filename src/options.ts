/** The public options and their documentation. Defaults and rules are applied in `config.ts`. */
import type { IncomingMessage, ServerResponse } from 'node:http'
import type { SecureContextOptions } from 'node:tls'
import type { Clock } from './clock.js'
import type { BalancerError } from './errors.js'
import type {
  CookieRule,
  HeaderChanges,
  InterceptErrors,
  OnUpstreamRequest,
  OnUpstreamResponse,
  RedirectOption,
  RequestContext,
  ResponseContext,
  RewriteOption,
} from './message-options.js'
import type { Condition } from './next-upstream/condition.js'
import type { DecideNextUpstream, NextUpstreamPolicy } from './next-upstream/decide.js'
import type { AccessLog } from './observe/access-log.js'
import type { ErrorLogOptions } from './observe/error-log-options.js'
import type { AccessLogOptions } from './observe/access-log-options.js'
import type { SelectorName, SelectorOptions } from './selection/options.js'
import type { StickyOptions } from './sticky-options.js'
import type { AgentPool, SelectAgent } from './transport/agents.js'
import type { Transport, TransportFactory } from './transport/transport.js'
import type { PeerSelector, SelectionRequest, SelectPeer } from './upstream/peer-selector.js'
import type { Peer } from './upstream/peer.js'
import type { Upstream } from './upstream/upstream.js'
import type { ZoneChannel } from './zone/channel.js'

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
  /** Finishes what it has, keeps its sticky sessions, and gets nothing new. Default false. nginx Plus `drain`. */
  drain?: boolean
  /**
   * When it has come back, its weight rises from next to nothing to `weight` over this time; 0 is at once. Not at the
   * start. Default: the upstream's. nginx Plus `slow_start`.
   */
  slowStart?: Duration
  /**
   * Peers of a higher tier are used when none of a lower one can be; an integer from 0 to 100. Default 0, and 1 for a
   * `backup`. Envoy `priority`.
   */
  tier?: number
  /** Where it stands: a zone of the cloud, a rack. See the upstream's `locality`. */
  locality?: string
  /**
   * What it is, for the upstream's `subset`: `{ version: '2', canary: 'yes' }`. `route` is also what `sticky: { route }`
   * finds it by; nginx `route`.
   */
  labels?: Readonly<Record<string, string>>
  /** For an `https:` peer: each option given here wins over the upstream's `tls`, the others stay. */
  tls?: PeerTlsOptions
}

/** What a {@link PeerSource} brings: all peers there are. */
export type PeerList = readonly (string | PeerOptions)[]

/**
 * Where peers come from when they are not written down: lists, each of which takes the place of the one before, as
 * {@link Upstream.replace} does it. A generator, what `evenkeel/discovery` offers, or your own. An `Error` in
 * place of a list is reported, and the last good list stays; so is a throw, after which the source is asked for a new
 * iterator, first after 1 s, then with doubled pauses up to 30 s. Requests that come before the first list find no peer:
 * see `whenNoneLive`.
 */
export type PeerSource = AsyncIterable<PeerList | Error>

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

/** `false`: failed; a text: passed, and what the peer says of its load; anything else: passed. */
// eslint-disable-next-line @typescript-eslint/no-invalid-void-type -- a function that only throws returns nothing
export type CheckAnswer = boolean | string | undefined | void

/** Active health checks (nginx Plus `health_check`, HAProxy `check`). */
export interface HealthCheckOptions {
  /** `'http'` asks for a response, `'tcp'` for a connection, TLS included. Default `'http'`. */
  type?: 'http' | 'tcp'
  /**
   * A check of your own in place of both: a throw, a rejection or `false` is a failed check. A text is what the peer
   * says of its load, as in `feedback`, and a passed check. The signal ends with the check, at `timeout` at the latest.
   */
  check?: (peer: Peer, signal: AbortSignal) => CheckAnswer | Promise<CheckAnswer>
  /** Default `'GET'`. HAProxy `http-check send meth`. */
  method?: string
  /** Path and query. Default `'/'`. nginx Plus `uri`. */
  path?: string
  /** Fields of the request. HAProxy `http-check send hdr`. */
  headers?: Readonly<Record<string, string>>
  /** Field `Host`. Default: the peer's own name. */
  host?: string
  /** Statuses that pass: `200`, `'200-399'`, or a list of those. Default `'200-399'`. nginx Plus `match { status }`. */
  statuses?: number | string | readonly (number | string)[]
  /** Must be found in the body. Default: the body is not read. nginx Plus `match { body }`. */
  body?: string | RegExp
  /** How much of the body is read for that. Default 64k. */
  bodyLimit?: Size
  /** Default: the peer's own. nginx Plus `port`. */
  port?: number
  /** From the beginning of a check to that of the next one of the same peer. Default 5 s. nginx Plus `interval`, HAProxy `inter`. */
  interval?: Duration
  /** Each check is late by a random part of this. Default 0. nginx Plus `jitter`. */
  jitter?: Duration
  /** Failed checks in a row that make a peer unhealthy. Default 3. HAProxy `fall`, nginx Plus `fails`. */
  fall?: number
  /** Passed checks in a row that make it healthy again. Default 2. HAProxy `rise`, nginx Plus `passes`. */
  rise?: number
  /** A check without a result for this long has failed. Default 2 s. */
  timeout?: Duration
  /** In place of `interval` while checks speak for a change, and are too few. Default: 1 s, or `interval` if that is less. HAProxy `fastinter`. */
  fastInterval?: Duration
  /** In place of `interval` while a peer is unhealthy. Default: `interval`. HAProxy `downinter`. */
  downInterval?: Duration
  /**
   * What a peer is before its first check, at the start or when it joins: `'down'` gets no requests until a check has
   * passed, and one is then enough. Default `'up'`. nginx Plus `mandatory`, HAProxy `init-state`.
   */
  initialState?: 'up' | 'down'
}

/** What peers say of their own load. */
export interface FeedbackOptions {
  /** Name of the response field that says it. */
  header: string
}

/**
 * When a peer is marked, in place of nginx's counter: failures in a row, and the share of failures over time (Envoy
 * `outlier_detection`, Finagle's failure accrual). What counts as a failure is said by `failOn` and `statusWeights`.
 */
export interface OutlierDetectionOptions {
  /**
   * Failures in a row that mark a peer: of the transport, or of statuses in `failOn`; each kind has a row of its own.
   * 0 is never. Default 5. Envoy `consecutive_5xx`, `consecutive_local_origin_failure`.
   */
  consecutiveFailures?: number
  /**
   * Share of the attempts in `window`, from 0 to 1, that marks a peer when so many have failed; both kinds together. Seen
   * when one fails. 0 is never. Default 0.5. Envoy `failure_percentage_threshold`.
   */
  failureRate?: number
  /** Fewer attempts than that in `window` say nothing of the rate. Default 20. Envoy `failure_percentage_request_volume`. */
  minimumRequests?: number
  /** How far back the rate looks. Default 10 s. Envoy `interval`. */
  window?: Duration
  /**
   * How much a status counts as a failure in the rate, from 0 to 1, whatever `failOn` says of it: `{ 500: 0.2, 503: 1 }`.
   * One not listed counts 1 when it is in `failOn`, else 0. Default: none.
   */
  statusWeights?: Readonly<Record<number, number>>
  /**
   * For how long a peer is marked the first time; as long again for each further time in a row. A `window` without a mark
   * makes it one less. Default 30 s. Envoy `base_ejection_time`.
   */
  ejectionTime?: Duration
  /** The longest it gets. Default 5 min. Envoy `max_ejection_time`. */
  maxEjectionTime?: Duration
  /** Share by which each time is longer or shorter, at random, from 0 to 1. Default 0.1. */
  jitter?: number
  /**
   * Per cent of a tier's peers in service that may be marked at the same time. One may in any case, but never the last;
   * 0 is none at all, and with 100 even the last may. Default 50. Envoy `max_ejection_percent`.
   */
  maxEjectionPercent?: number
}

/** Requests that wait for a place, first come, first served (nginx Plus `queue`). */
export interface QueueOptions {
  /** Requests that may wait at the same time; one more is answered 503 at once. Default 1000. */
  size?: number
  /** How long one may wait, in all; then 503. Default 10 s. */
  timeout?: Duration
}

/** State that several processes share (nginx `zone`). */
export interface ZoneOptions {
  /** Workers that name the same zone share it. */
  name: string
  /** How long requests of a new worker wait for what the others know. Default 500 ms. */
  wait?: Duration
  /** The way to the hub. Default: `process.send`, as node:cluster and `child_process.fork` have it. */
  channel?: ZoneChannel
}

/**
 * TLS towards `https:` peers. Certificates and keys are checked at start, and can be replaced while requests run:
 * {@link Upstream.updateTls}.
 */
export interface PeerTlsOptions extends Pick<
  SecureContextOptions,
  'ca' | 'cert' | 'key' | 'passphrase' | 'pfx' | 'ciphers' | 'minVersion' | 'maxVersion'
> {
  /** Check the peer's certificate. Default true. nginx `proxy_ssl_verify`. */
  verify?: boolean
  /**
   * Name for SNI and for the check; an address is checked and not sent (RFC 6066). Default: the peer's host name or
   * address. nginx `proxy_ssl_name`.
   */
  name?: string
}

/** Peers of one's own locality are preferred. */
export interface LocalityOptions {
  /** Where this process stands: the `locality` of the peers near it. */
  own: string
  /**
   * The own peers bear this many times their weight: of a locality whose live weight is the part p of all its weight,
   * min(1, factor × p) of the requests stay. At least 1. Default 1.4. Envoy `overprovisioning_factor`.
   */
  overprovisioning?: number
  /** With fewer live peers of one's own in a tier than this, localities are not asked there. Default 1. Envoy `min_cluster_size`. */
  minimum?: number
}

/** What belongs to the group of peers, and is shared by all balancers in front of it (nginx `upstream {}`). */
export interface UpstreamOptions {
  /** Shown in logs and, when no peer can be chosen, in `$upstream_addr`. Default `'upstream'`. */
  name?: string
  /** The peers, at least one; or a source that tells who they are, from now on and as long as the upstream lives. */
  peers: PeerList | PeerSource
  /**
   * Who is asked: the name of a selector, a selector with its options, a {@link PeerSelector} of your own, or a function.
   * Default `'round_robin'`.
   */
  selector?: SelectorName | (string & {}) | SelectorOptions | PeerSelector | SelectPeer
  /**
   * Keeps each client at its peer, by a cookie of the balancer's, a name in the request, or what the peers' responses
   * say. A hint: a peer that is marked, unhealthy, down, full or tried already is passed over, and the client moves; one
   * that is draining keeps its sessions. Default: none. nginx `sticky`.
   */
  sticky?: StickyOptions
  /**
   * One's own locality, or options of it: its peers are preferred, in each tier, and what they cannot bear goes to the
   * others. Default: localities are not asked. Envoy zone aware routing.
   */
  locality?: string | LocalityOptions
  /**
   * Labels that a peer must have to be given this request; undefined: any peer will do. A label that is undefined is not
   * asked for. Called once a request. Envoy `lb_subset_config`.
   */
  subset?: (request: SelectionRequest) => Readonly<Record<string, string | undefined>> | undefined
  /**
   * Who gets a request when no peer of its subset can be used: nobody (`'none'`), any peer (`'any'`), or those with these
   * labels. Default `'none'`. Envoy `fallback_policy`.
   */
  subsetFallback?: 'none' | 'any' | Readonly<Record<string, string>>
  /** For peers that do not say otherwise. Default 1. nginx `max_fails`. */
  maxFails?: number
  /** For peers that do not say otherwise. Default 10 s. nginx `fail_timeout`. */
  failTimeout?: Duration
  /** For peers that do not say otherwise. Default 0. nginx Plus `slow_start`. */
  slowStart?: Duration
  /**
   * Per cent of a tier's peers in service: when fewer than that are neither marked nor unhealthy, requests go to all of
   * them, since those left would only be buried. 0 is never. Default 0. Envoy `healthy_panic_threshold`.
   */
  panicThreshold?: number
  /**
   * What counts against a peer, of what was the matter with an attempt. Statuses have a ledger of their own.
   * Default `['error', 'timeout', 'invalid_header']`; with `preset: 'nginx'` also each listed 5xx and 429.
   */
  failOn?: readonly Condition[]
  /**
   * Another rule for marking peers, in place of `maxFails` within `failTimeout`; `{}` is one with all its defaults. A
   * peer with `maxFails: 0` is never marked by it. Default false. Envoy `outlier_detection`.
   */
  outlierDetection?: OutlierDetectionOptions | false
  /**
   * A peer that answers 503 or 429 with `Retry-After` gets no requests for that time, at most `maxEjectionTime` (or 5
   * min), while another peer is live. It is no failure. Default: true with `outlierDetection`, else false.
   */
  retryAfter?: boolean
  /**
   * When every peer is marked: `'try'` the least bad, `'wait'` in the `queue` for one to come back, or `'fail'`
   * as nginx does ("no live upstreams"). Default `'try'`.
   */
  whenNoneLive?: 'try' | 'wait' | 'fail'
  /**
   * Requests for which there is no room wait: those for which every peer that might serve is at `maxConns`. Given as
   * `{}` it has its defaults. Default: none, but with `whenNoneLive: 'wait'`, where those for which every peer is marked
   * wait in it, too. nginx Plus `queue`.
   */
  queue?: QueueOptions
  /**
   * Limits the requests in flight at this upstream, from all balancers in front of it, by the latency of its response
   * heads. Those above it wait in the `queue`, if one is given, or are answered 503 (`ERR_OVERLOADED`). Default false.
   * Envoy's adaptive concurrency filter.
   */
  adaptiveConcurrency?: AdaptiveConcurrencyOptions | false
  /** Probes of marked peers, or false for none: then they come back after `failTimeout`. */
  probe?: ProbeOptions | false
  /** Peers are checked all the time, and those that fail get no requests. Default false. In place of `probe`. */
  healthCheck?: HealthCheckOptions | false
  /**
   * A field of responses, those of health checks included, in which a peer tells what it can bear, in the words of
   * HAProxy's `agent-check`: `75%` of its weight, `drain`, `ready`, `up`, `down`, `maxconn:30`. Clients do not see it.
   * Default: none.
   */
  feedback?: FeedbackOptions
  /** Options of the built-in pool, or a pool of your own. */
  keepalive?: KeepaliveOptions | AgentPool | SelectAgent
  /** For `https:` peers. A pool of your own makes its connections by itself: then this is for the probes only. */
  tls?: PeerTlsOptions
  /**
   * Local IP address that connections to the peers go out from, those of probes included; not for unix sockets, nor for
   * a pool of your own. A peer's host name is then looked up in the same family only. Default: the system's choice.
   * nginx `proxy_bind`.
   */
  bind?: string
  /**
   * What one worker knows of the peers is known to all workers with a zone of this name: marks, failures, health,
   * membership and attempts in flight. Needs `shareZones()` of `evenkeel/cluster` in the primary. Default: each worker
   * stands alone. nginx `zone`.
   */
  zone?: string | ZoneOptions
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
   * waited until a peer came back (`whenNoneLive: 'wait'`); waiting for a place at a full one changes nothing. Default 3.
   * nginx `proxy_next_upstream_tries`.
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

/** A limit of requests in flight that follows the latency. */
export interface AdaptiveConcurrencyOptions {
  /** It is never lower. Default 4. */
  min?: number
  /** It is never higher. Default 1000. */
  max?: number
  /** At the start. Default 20. */
  initial?: number
  /** It falls when response heads take more than this many times the usual; from 1 to 10. Default 1.5. */
  tolerance?: number
  /** Time over which latencies are averaged before it is set anew. Default 1 s. */
  window?: Duration
}

/** A second attempt beside one that takes long. */
export interface HedgeOptions {
  /** Time without a response head after which another peer is asked, too. Required. */
  after: Duration
  /** Attempts beside the first at most; each begins `after` the one before. Default 1. */
  attempts?: number
}

/** Express's `trust proxy`: everyone, nobody, a number of hops, addresses and networks, or a function. */
export type TrustProxy =
  boolean | number | string | readonly string[] | ((address: string, hop: number) => boolean)

/** Which requests say nothing of a peer. */
export type ExemptOption =
  ((request: IncomingMessage) => boolean) | string | RegExp | readonly (string | RegExp)[]

/** The live page: see `balancer.statusPage`. */
export interface StatusPageOptions {
  /** Buttons that drain peers and take them down and up. Whoever sees the page can press them. Default false. */
  controls?: boolean
  /** Default: the upstream's name. */
  title?: string
  /** How far back the small charts go, from 1 min to 24 h. Default 5 min. */
  history?: Duration
}

/** What `createBalancer` takes. */
export interface BalancerOptions extends Omit<UpstreamOptions, 'peers'> {
  /**
   * The peers, or a source that tells who they are; or a group made by `createUpstream` that others share: its options
   * then stand there.
   */
  upstream: PeerList | PeerSource | Upstream
  nextUpstream?: NextUpstreamOptions | DecideNextUpstream
  /** Retries in proportion to requests, or false for no limit. A stale connection and a request never sent are free. */
  retryBudget?: RetryBudgetOptions | false
  /**
   * Requests in flight through this balancer at most, upgraded connections included; those above it wait in the `queue`,
   * if one is given, or are answered 503. 0 is no limit. Default 0. HAProxy `maxconn` of a frontend.
   */
  maxInFlight?: number
  /**
   * GET, HEAD and OPTIONS without a body, to which no response head has come for a while, are sent to another live peer,
   * too; the first good response wins, and the other attempt is cancelled. Each takes from `tries` and from the retry
   * budget. Default false. Envoy `hedge_policy`.
   */
  hedge?: HedgeOptions | false
  /**
   * Requests that say nothing of a peer: how they go is not held against it, and their times are not told to the
   * selector; they are retried like any other. A function, called at most once a request; or beginnings of paths as the
   * client wrote them (`'/report'`), and RegExps. Default: none.
   */
  exempt?: ExemptOption
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
   * `'off'`: each piece of a response goes on as it comes, server-sent events included. `'on'`: the peer is read at its
   * own speed and freed early; what a slow client has not taken yet waits in `buffers`, then in a temporary file. A
   * response with `X-Accel-Buffering: no` or `yes` has it as it says. Default `'off'`; with
   * `preset: 'nginx'` `'on'`. nginx `proxy_buffering`.
   */
  buffering?: 'off' | 'on'
  /** Memory for one buffered response. Default 64k. nginx `proxy_buffers` (8 of 8k). */
  buffers?: Size
  /**
   * What one buffered response may put into a temporary file; more waits at the peer. 0 makes no files. Default 1g.
   * nginx `proxy_max_temp_file_size`.
   */
  maxTempFile?: Size
  /** Directory of temporary files; they have no name there. Default: the system's. nginx `proxy_temp_path`. */
  tempPath?: string
  /** Bytes a second at which a response goes to its client; 0 is no limit. Default 0. nginx `limit_rate`. */
  limitRate?: Size
  /**
   * `'replay'`: a body goes out as it comes, and its beginning is kept so that a next upstream can have it.
   * `'full'`: it is read whole before a peer is asked: up to `bodyBuffer` in memory, the rest in a temporary file.
   * `'off'`: nothing is kept. Default `'replay'`; with `preset: 'nginx'` `'full'`. nginx `proxy_request_buffering`.
   */
  requestBuffering?: 'replay' | 'full' | 'off'
  /** With `requestBuffering: 'full'`: what is kept of a body in memory. Default 16k. nginx `client_body_buffer_size`. */
  bodyBuffer?: Size
  /** With `requestBuffering: 'replay'`: kept of one request body at most. Default 64k. */
  replayBuffer?: Size
  /** Kept of all request bodies together at most. Default 64m. */
  replayMemory?: Size
  /**
   * Request body at most, else 413; 0 is no limit. Default 0; with `preset: 'nginx'` 1m. nginx
   * `client_max_body_size`.
   */
  maxBody?: Size
  /**
   * Header fields of a message at most: a request with more is answered 431, a response with more is
   * `invalid_header`. For more than 1000 set `server.maxHeadersCount`, too. Default 1000. nginx
   * `max_headers`.
   */
  maxHeaders?: number
  /**
   * An upgraded connection (WebSocket) on which neither side sends anything for this long is closed. Default 1 h;
   * with `preset: 'nginx'` 60 s, nginx's `proxy_read_timeout`. HAProxy `timeout tunnel`.
   */
  tunnelTimeout?: Duration
  /**
   * The fields that tell peers who asked: `X-Forwarded-*` and `X-Real-IP`, `Forwarded` (RFC 7239), both, or none.
   * Default `'x-forwarded'`.
   */
  forwarded?: 'x-forwarded' | 'forwarded' | 'both' | 'none'
  /**
   * Adds `Via` (RFC 9110 section 7.6.3) both ways, under this name. `true` is `'evenkeel'`. Default false: an incoming
   * `Via` goes on as it is.
   */
  via?: boolean | string
  /** Changes to the fields of each request, after all others. nginx `proxy_set_header`. */
  requestHeaders?: HeaderChanges<RequestContext>
  /** Changes to the fields of each response. nginx `add_header`, `proxy_hide_header`. */
  responseHeaders?: HeaderChanges<ResponseContext>
  /**
   * Changes the path that peers see: a rule or several, of which the first that fits is used, or a function that gets
   * the target (path and query) and returns another. Default: none. nginx `rewrite`, `proxy_pass` with a path.
   */
  rewrite?: RewriteOption
  /**
   * Where the balancer is mounted under a path (Express `app.use('/api', …)`): `'strip'`, the peers see what is below
   * it; `'keep'`, the client's own target. Default `'strip'`.
   */
  mountPath?: 'strip' | 'keep'
  /**
   * `Location` and `Refresh` that point to a peer's own address, or to the `host` that it was called by, are made to point
   * to the balancer (`true`): they become a path, through `rewrite` and the mount path backwards. Or they go on as they
   * are (`false`), or are changed by rules, of which the first that fits is used, or by a function that gets the URL and
   * returns another. A path that a peer sends is left alone by default. Default true. nginx `proxy_redirect`.
   */
  redirect?: RedirectOption
  /** Changes `Domain` in `Set-Cookie`; `to: ''` takes it out. nginx `proxy_cookie_domain`. */
  cookieDomain?: CookieRule | readonly CookieRule[]
  /** Changes `Path` in `Set-Cookie`. nginx `proxy_cookie_path`. */
  cookiePath?: CookieRule | readonly CookieRule[]
  /**
   * Called once a request, before a peer is chosen: may change method, target, fields and body of what goes out. A
   * throw or rejection is a 500 (`ERR_INTERNAL`) with it as the cause; so is what cannot be sent.
   */
  onUpstreamRequest?: OnUpstreamRequest
  /**
   * Called with the response that is about to go to the client: may change status, fields and body. A throw or
   * rejection is a 500 (`ERR_INTERNAL`) with it as the cause; so is what cannot be sent.
   */
  onUpstreamResponse?: OnUpstreamResponse
  /**
   * Called with a response of 400 or more, in place of sending it: returns true when it has answered by itself, anything
   * else to let the response through. nginx `proxy_intercept_errors` with `error_page`.
   */
  interceptErrors?: InterceptErrors
  /** A client that leaves does not end its request at the peer. Default false. nginx `proxy_ignore_client_abort`. */
  ignoreClientAbort?: boolean
  /** Whose `X-Forwarded-*` are believed, with the meaning Express gives it. Default false: they are replaced. */
  trustProxy?: TrustProxy
  /** The `Host` that peers see: the client's, the peer's own name, or this text. Default `'client'`. */
  host?: 'client' | 'peer' | (string & {})
  /** Name in `Proxy-Status` (RFC 9209), or false for no such field. Default `'evenkeel'`. */
  proxyStatus?: string | false
  /** What `balancer.statusPage` shows. */
  statusPage?: StatusPageOptions
  /** Carries the attempts. Default: http-proxy-3 over the upstream's pool. */
  transport?: Transport | TransportFactory
  /**
   * Writes a line for each response: true, a `log_format` of nginx's, or options; or what `accessLog` has made. A response
   * that has an access log already gets no second line, unless it is one made by `accessLog`. Default false.
   * nginx `access_log`.
   */
  accessLog?: boolean | string | AccessLogOptions | AccessLog
  /**
   * Writes a line for whatever fails, in nginx's format and words: true is to `process.stderr`. Without it they go to `debug`
   * as `evenkeel:error`, where that was asked for when the balancer was made. Default false. nginx `error_log`.
   */
  errorLog?: boolean | ErrorLogOptions
  /** Answers in place of our plain-text error page. What it throws becomes a bare 500. */
  onError?: (error: BalancerError, request: IncomingMessage, response: ServerResponse) => void
}
