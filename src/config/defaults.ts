/** Our defaults, and what `preset: 'nginx'` puts in their place. */
import type { Condition } from '../next-upstream/condition.js'
import type { TrustProxy } from '../options.js'

/** The defaults that the preset has a say in. Times in milliseconds. */
export interface Defaults {
  readonly on: readonly Condition[]
  readonly tries: number
  readonly retryBudget: 'limited' | 'none'
  readonly failOn: readonly Condition[]
  readonly whenNoneLive: 'try' | 'wait' | 'fail'
  readonly probe: 'probed' | 'none'
  readonly keepaliveConnections: number
  readonly nonIdempotent: 'fresh' | 'any'
  readonly connectTimeout: number
  readonly verify: boolean
  readonly trustProxy: TrustProxy
  readonly host: string
  /** Bytes, as the next. */
  readonly wholeResponse: number
  readonly replayBuffer: number
  readonly tunnelTimeout: number
  readonly buffering: 'off' | 'on'
  readonly requestBuffering: 'replay' | 'full' | 'off'
  /** Bytes; 0: no limit. */
  readonly maxBody: number
}

const OURS: Defaults = {
  on: ['error', 'timeout', 'invalid_header', 'http_502', 'http_503', 'http_504'],
  tries: 3,
  retryBudget: 'limited',
  failOn: ['error', 'timeout', 'invalid_header'],
  whenNoneLive: 'try',
  probe: 'probed',
  keepaliveConnections: 64,
  nonIdempotent: 'fresh',
  connectTimeout: 5_000,
  verify: true,
  trustProxy: false,
  host: 'client',
  wholeResponse: 64 * 1024,
  replayBuffer: 64 * 1024,
  tunnelTimeout: 3_600_000,
  buffering: 'off',
  requestBuffering: 'replay',
  maxBody: 0,
}

const NGINX: Defaults = {
  on: ['error', 'timeout'],
  tries: 0,
  retryBudget: 'none',
  // A status counts only if `on` lists it too; 403 and 404 never do (ngx_http_upstream_next).
  failOn: [
    'error',
    'timeout',
    'invalid_header',
    'http_500',
    'http_502',
    'http_503',
    'http_504',
    'http_429',
  ],
  whenNoneLive: 'fail',
  probe: 'none',
  keepaliveConnections: 32,
  nonIdempotent: 'any',
  connectTimeout: 60_000,
  verify: false,
  // nginx configurations append to X-Forwarded-For: whatever came is kept.
  trustProxy: true,
  host: 'peer',
  wholeResponse: 0,
  replayBuffer: 64 * 1024,
  // `proxy_read_timeout` stands for upgraded connections, too.
  tunnelTimeout: 60_000,
  buffering: 'on',
  requestBuffering: 'full',
  // `client_max_body_size`.
  maxBody: 1024 * 1024,
}

export function defaultsOf(preset: { readonly nginx: boolean }): Defaults {
  return preset.nginx ? NGINX : OURS
}
