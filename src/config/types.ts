/** What the options come to: every default filled in, every duration in milliseconds, every size in bytes. */
import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Clock } from '../clock.js'
import type { BalancerError } from '../errors.js'
import type { Condition } from '../next-upstream/condition.js'
import type { DecideNextUpstream, NextUpstreamPolicy } from '../next-upstream/decide.js'
import type {
  CookieRule,
  HeaderChanges,
  InterceptErrors,
  OnUpstreamRequest,
  OnUpstreamResponse,
  RedirectRule,
  RequestContext,
  ResponseContext,
  RewriteRule,
} from '../message-options.js'
import type { OverloadConfig } from './overload.js'
import type { StatusPageConfig } from './status-page.js'
import type { GradientSettings } from '../overload/gradient.js'
import type { HealthCheckOptions, PeerSource, PeerTlsOptions, TrustProxy } from '../options.js'
import type { SelectorSettings } from '../selection/index.js'
import type { AgentPool, SelectAgent } from '../transport/agents.js'
import type { AccessLog } from '../observe/access-log.js'
import type { ErrorLogConfig } from './error-log.js'
import type { AccessLogConfig } from './access-log.js'
import type { Transport, TransportFactory } from '../transport/transport.js'
import type { PeerSelector, SelectPeer } from '../upstream/peer-selector.js'
import type { StickyLearnOptions, StickySource } from '../sticky-options.js'
import type { LocalitySettings } from '../upstream/locality.js'
import type { OutlierSettings } from '../upstream/outlier-availability.js'
import type { PeerAddress, PeerParameters } from '../upstream/peer.js'
import type { SubsetSettings } from '../upstream/subsets.js'
import type { Upstream } from '../upstream/upstream.js'
import type { ZoneChannel } from '../zone/channel.js'

export interface PeerConfig {
  readonly address: PeerAddress
  readonly parameters: PeerParameters
  /** Undefined: the upstream's. */
  readonly tls: OwnTlsConfig | undefined
}

/** What a peer takes over from its upstream when it does not say otherwise. Milliseconds. */
export interface PeerDefaults {
  readonly maxFails: number
  readonly failTimeout: number
  readonly slowStart: number
}

export interface KeepaliveConfig {
  readonly connections: number
  readonly timeout: number
  readonly requests: number
  readonly time: number
  readonly nonIdempotent: 'fresh' | 'any'
}

/** Certificates and keys stay as given; those not given are absent. */
export interface PeerTlsConfig extends Readonly<Omit<PeerTlsOptions, 'verify' | 'name'>> {
  readonly verify: boolean
  /** Undefined: the peer's host name. */
  readonly name: string | undefined
}

/** What one peer has of its own; what it has not is absent, and the upstream's. */
export type OwnTlsConfig = Partial<PeerTlsConfig>

/** How often a peer is checked, and what follows. Milliseconds. */
export interface CheckSchedule {
  readonly interval: number
  readonly jitter: number
  readonly fastInterval: number
  readonly downInterval: number
  readonly timeout: number
  readonly fall: number
  readonly rise: number
  readonly initialState: 'up' | 'down'
}

/** What a check over HTTP asks, and what it takes for an answer. */
export interface HttpCheckConfig {
  readonly method: string
  readonly path: string
  readonly headers: Readonly<Record<string, string>>
  /** Undefined: the peer's own name. */
  readonly host: string | undefined
  /** From and to, both included. */
  readonly statuses: readonly (readonly [from: number, to: number])[]
  readonly body: string | RegExp | undefined
  /** Bytes. */
  readonly bodyLimit: number
}

export type CheckFunction = NonNullable<HealthCheckOptions['check']>

export interface HealthCheckConfig {
  readonly schedule: CheckSchedule
  readonly probe: HttpCheckConfig | 'tcp' | CheckFunction
  /** Undefined: the peer's own. */
  readonly port: number | undefined
}

export interface ZoneConfig {
  readonly name: string
  /** Milliseconds. */
  readonly wait: number
  /** Undefined: that of the process. */
  readonly channel: ZoneChannel | undefined
}

/** The cookie of `sticky`. What is not to be set is undefined. */
export interface StickyCookieConfig {
  readonly name: string
  /** The first for new cookies. */
  readonly secrets: readonly string[]
  readonly path: string
  readonly domain: string | undefined
  readonly httpOnly: boolean
  readonly secure: boolean | 'auto'
  readonly sameSite: 'lax' | 'strict' | 'none' | undefined
  /** Milliseconds. */
  readonly maxAge: number | undefined
  readonly expires: Date | undefined
  readonly partitioned: boolean
  readonly priority: 'low' | 'medium' | 'high' | undefined
  readonly rolling: boolean
  readonly indirect: boolean
  readonly nocache: boolean
}

export interface StickyLearnConfig {
  readonly create: StickyLearnOptions['create']
  readonly lookup: StickySource
  readonly size: number
  /** Milliseconds. */
  readonly timeout: number
}

export type StickyConfig =
  | ({ readonly way: 'cookie' } & StickyCookieConfig)
  | { readonly way: 'route'; readonly route: readonly StickySource[] }
  | ({ readonly way: 'learn' } & StickyLearnConfig)

/** {@link UpstreamOptions}, resolved. */
export interface UpstreamConfig {
  readonly name: string
  readonly peers: readonly PeerConfig[]
  /** Where they come from, if not from a list; then there are none at first. */
  readonly source: PeerSource | undefined
  /** For peers that come later. */
  readonly peerDefaults: PeerDefaults
  /** Per cent; 0: never. */
  readonly panicThreshold: number
  /** Undefined: nginx's counter. */
  readonly outlierDetection: OutlierSettings | undefined
  /** Milliseconds at most; 0: not respected. */
  readonly retryAfter: number
  readonly selector: SelectorSettings | PeerSelector | SelectPeer
  readonly sticky: StickyConfig | undefined
  readonly locality: LocalitySettings | undefined
  readonly subset: SubsetSettings | undefined
  /** Holds neither `off` (then it is empty) nor `non_idempotent`. */
  readonly failOn: ReadonlySet<Condition>
  readonly whenNoneLive: 'try' | 'wait' | 'fail'
  readonly queue: { readonly size: number; readonly timeout: number }
  /** Undefined: no such limit. */
  readonly adaptiveConcurrency: GradientSettings | undefined
  /** A queue is given. */
  readonly whenFull: 'wait' | 'refuse'
  readonly probe: { readonly interval: number; readonly timeout: number } | undefined
  /** Undefined: none. */
  readonly healthCheck: HealthCheckConfig | undefined
  /** Name of the field in lower case; undefined: none. */
  readonly feedback: string | undefined
  readonly keepalive: KeepaliveConfig
  /** The user's own, in place of the built-in pool. */
  readonly pool: AgentPool | SelectAgent | undefined
  readonly tls: PeerTlsConfig
  /** A local IP address. */
  readonly bind: string | undefined
  readonly zone: ZoneConfig | undefined
  /** `preset: 'nginx'`. */
  readonly nginx: boolean
  readonly clock: Clock | undefined
  readonly random: () => number
}

interface RetryBudgetConfig {
  readonly ratio: number
  readonly floor: number
  readonly window: number
}

/** How bodies are kept, both ways. Sizes in bytes. */
export interface BodyConfig {
  readonly requestBuffering: 'replay' | 'full' | 'off'
  readonly replayBuffer: number
  readonly replayMemory: number
  readonly bodyBuffer: number
  /** Infinity: no limit. */
  readonly maxBody: number
  /** 0: none. */
  readonly wholeResponse: number
  readonly buffering: 'off' | 'on'
  readonly buffers: number
  readonly maxTempFile: number
  /** Undefined: the system's. */
  readonly tempPath: string | undefined
  /** Bytes a second; 0: no limit. */
  readonly limitRate: number
}

/** What is changed in messages. Rules are always lists. */
export interface MessageConfig {
  readonly forwarded: 'x-forwarded' | 'forwarded' | 'both' | 'none'
  /** Undefined: none. */
  readonly via: string | undefined
  readonly requestHeaders: HeaderChanges<RequestContext> | undefined
  readonly responseHeaders: HeaderChanges<ResponseContext> | undefined
  readonly rewrite:
    readonly RewriteRule[] | ((target: string, context: RequestContext) => string) | undefined
  readonly mountPath: 'strip' | 'keep'
  readonly redirect:
    | 'default'
    | 'off'
    | readonly RedirectRule[]
    | ((location: string, context: ResponseContext) => string)
  readonly cookieDomain: readonly CookieRule[]
  readonly cookiePath: readonly CookieRule[]
  readonly onUpstreamRequest: OnUpstreamRequest | undefined
  readonly onUpstreamResponse: OnUpstreamResponse | undefined
  readonly interceptErrors: InterceptErrors | undefined
  readonly ignoreClientAbort: boolean
}

/** {@link BalancerOptions}, resolved. */
export interface BalancerConfig extends BodyConfig, MessageConfig, OverloadConfig {
  readonly upstream: UpstreamConfig | Upstream
  /** Holds neither `off` (then it is empty) nor `non_idempotent` (that is {@link nonIdempotent}). */
  readonly on: ReadonlySet<Condition>
  /** `non_idempotent` is listed. */
  readonly nonIdempotent: boolean
  /** Infinity: no limit but the number of peers. */
  readonly tries: number
  /** 0: none. */
  readonly nextTimeout: number
  /** Says of a request whether it is exempt; undefined: none is. */
  readonly exempt: ((request: IncomingMessage) => boolean) | undefined
  readonly idempotent: ((request: IncomingMessage) => boolean) | undefined
  readonly policy: NextUpstreamPolicy | DecideNextUpstream | undefined
  /** Undefined: no limit. */
  readonly retryBudget: RetryBudgetConfig | undefined
  readonly connectTimeout: number
  readonly sendTimeout: number
  readonly readTimeout: number
  readonly bufferSize: number
  readonly maxHeaders: number
  readonly tunnelTimeout: number
  /** Well-formed; a comma-separated text has become a list. */
  readonly trustProxy: TrustProxy
  readonly host: string
  /** Undefined: no such field. Printable ASCII: an RFC 8941 string, and perhaps a token. */
  readonly proxyStatus: string | undefined
  readonly statusPage: StatusPageConfig
  /** Undefined: the default transport. */
  readonly transport: Transport | TransportFactory | undefined
  /** One that is made already, or what to make one of; undefined: none. */
  readonly accessLog: AccessLog | AccessLogConfig | undefined
  /** Undefined: none. */
  readonly errorLog: ErrorLogConfig | undefined
  readonly onError:
    ((error: BalancerError, request: IncomingMessage, response: ServerResponse) => void) | undefined
  readonly nginx: boolean
  readonly clock: Clock | undefined
  readonly random: () => number
}
