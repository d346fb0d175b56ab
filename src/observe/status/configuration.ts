/** The options in force, in words. What is not listed here is not shown; nor is any text that could be a secret. */
import type { BalancerConfig, UpstreamConfig } from '../../config/types.js'
import { clip } from '../shown-text.js'

type Rows<Config> = readonly (readonly [
  option: string,
  shown: (config: Config) => string | undefined,
])[]

const OF_UPSTREAM: Rows<UpstreamConfig> = [
  ['preset', ({ nginx }) => (nginx ? 'nginx' : undefined)],
  ['maxFails', ({ peerDefaults }) => String(peerDefaults.maxFails)],
  ['failTimeout', ({ peerDefaults }) => time(peerDefaults.failTimeout)],
  ['slowStart', ({ peerDefaults }) => timeOrOff(peerDefaults.slowStart)],
  ['failOn', ({ failOn }) => words(failOn)],
  ['whenNoneLive', ({ whenNoneLive }) => whenNoneLive],
  ['panicThreshold', ({ panicThreshold }) => `${String(panicThreshold)} %`],
  ['retryAfter', ({ retryAfter }) => (retryAfter === 0 ? 'off' : `at most ${time(retryAfter)}`)],
  [
    'outlierDetection',
    ({ outlierDetection: rule }) =>
      rule === undefined
        ? 'off'
        : `${String(rule.consecutiveFailures)} in a row, or ${percent(rule.failureRate)} of ${String(rule.minimumRequests)} in ${time(rule.window)}; out for ${time(rule.ejectionTime)} to ${time(rule.maxEjectionTime)}, at most ${String(rule.maxEjectionPercent)} % of the peers`,
  ],
  ['queue', (config) => queue(config)],
  [
    'adaptiveConcurrency',
    ({ adaptiveConcurrency: limit }) =>
      limit === undefined ? 'off' : `${String(limit.min)} to ${String(limit.max)}`,
  ],
  ['probe', ({ probe }) => (probe === undefined ? 'off' : `every ${time(probe.interval)}`)],
  ['healthCheck', ({ healthCheck }) => healthChecks(healthCheck)],
  ['feedback', ({ feedback }) => feedback ?? 'off'],
  ['sticky', ({ sticky }) => stickiness(sticky)],
  ['locality', ({ locality }) => locality?.own],
  ['subset', ({ subset }) => (subset === undefined ? undefined : 'on')],
  [
    'keepalive',
    ({ keepalive, pool }) =>
      pool === undefined
        ? `${String(keepalive.connections)} idle for each peer, for ${time(keepalive.timeout)}; ${String(keepalive.requests)} requests or ${time(keepalive.time)} on each`
        : 'a pool of your own',
  ],
  ['keepalive.nonIdempotent', ({ keepalive }) => keepalive.nonIdempotent],
  ['tls.verify', ({ tls }) => onOff(tls.verify)],
  ['tls.cert', ({ tls }) => (tls.cert === undefined && tls.pfx === undefined ? 'none' : 'given')],
  ['bind', ({ bind }) => bind],
  ['zone', ({ zone }) => zone?.name],
]

const OF_BALANCER: Rows<BalancerConfig> = [
  [
    'nextUpstream.on',
    ({ on, nonIdempotent }) => words(nonIdempotent ? [...on, 'non_idempotent'] : on),
  ],
  ['nextUpstream.tries', ({ tries }) => (tries === Infinity ? 'all peers' : String(tries))],
  ['nextUpstream.timeout', ({ nextTimeout }) => timeOrOff(nextTimeout)],
  ['nextUpstream.policy', ({ policy }) => (policy === undefined ? undefined : 'your own')],
  [
    'retryBudget',
    ({ retryBudget: budget }) =>
      budget === undefined
        ? 'off'
        : `${percent(budget.ratio)} of the requests of ${time(budget.window)}, and ${String(budget.floor)} a second`,
  ],
  ['maxInFlight', ({ maxInFlight }) => (maxInFlight === 0 ? 'off' : String(maxInFlight))],
  [
    'hedge',
    ({ hedge }) =>
      hedge === undefined ? 'off' : `after ${time(hedge.after)}, ${String(hedge.attempts)} at most`,
  ],
  ['exempt', ({ exempt }) => (exempt === undefined ? undefined : 'some requests')],
  ['connectTimeout', ({ connectTimeout }) => time(connectTimeout)],
  ['sendTimeout', ({ sendTimeout }) => time(sendTimeout)],
  ['readTimeout', ({ readTimeout }) => time(readTimeout)],
  ['bufferSize', ({ bufferSize }) => size(bufferSize)],
  ['wholeResponse', ({ wholeResponse }) => (wholeResponse === 0 ? 'off' : size(wholeResponse))],
  ['buffering', ({ buffering }) => buffering],
  ['limitRate', ({ limitRate }) => (limitRate === 0 ? 'off' : `${size(limitRate)} a second`)],
  ['requestBuffering', ({ requestBuffering }) => requestBuffering],
  ['replayBuffer', ({ replayBuffer }) => size(replayBuffer)],
  ['replayMemory', ({ replayMemory }) => size(replayMemory)],
  ['maxBody', ({ maxBody }) => (maxBody === Infinity ? 'off' : size(maxBody))],
  ['maxHeaders', ({ maxHeaders }) => String(maxHeaders)],
  ['tunnelTimeout', ({ tunnelTimeout }) => time(tunnelTimeout)],
  ['forwarded', ({ forwarded }) => forwarded],
  [
    'requestHeaders',
    ({ requestHeaders }) => (requestHeaders === undefined ? undefined : 'changed'),
  ],
  [
    'responseHeaders',
    ({ responseHeaders }) => (responseHeaders === undefined ? undefined : 'changed'),
  ],
  ['rewrite', ({ rewrite }) => rules(rewrite)],
  ['mountPath', ({ mountPath }) => mountPath],
  ['accessLog', ({ accessLog }) => onOff(accessLog !== undefined)],
  ['errorLog', ({ errorLog }) => onOff(errorLog !== undefined)],
  ['redirect', ({ redirect }) => (typeof redirect === 'string' ? redirect : rules(redirect))],
  ['ignoreClientAbort', ({ ignoreClientAbort }) => onOff(ignoreClientAbort)],
  ['host', ({ host }) => (host === 'client' || host === 'peer' ? host : 'given')],
  ['transport', ({ transport }) => (transport === undefined ? 'default' : 'given')],
]

export function configurationOf(
  config: BalancerConfig,
  upstream: UpstreamConfig,
): Readonly<Record<string, string>> {
  const rows: [string, string][] = []
  const add = (option: string, shown: string | undefined): void => {
    if (shown !== undefined) rows.push([option, clip(shown, 200)])
  }
  for (const [option, shown] of OF_UPSTREAM) add(option, shown(upstream))
  for (const [option, shown] of OF_BALANCER) add(option, shown(config))
  return Object.freeze(Object.fromEntries(rows))
}

function queue({
  queue: { size: places, timeout },
  whenFull,
  whenNoneLive,
}: UpstreamConfig): string {
  if (whenFull === 'refuse' && whenNoneLive !== 'wait') return 'off'
  return `${String(places)} at most, for ${time(timeout)}`
}

function healthChecks(checks: UpstreamConfig['healthCheck']): string {
  if (checks === undefined) return 'off'
  const { probe, schedule } = checks
  const every = `every ${time(schedule.interval)}, ${String(schedule.fall)} failed make unhealthy, ${String(schedule.rise)} passed healthy`
  if (typeof probe === 'function') return `your own, ${every}`
  if (probe === 'tcp') return `tcp, ${every}`
  // A query may hold a token, and so may fields.
  return `${probe.method} ${probe.path.replace(/[?#].*$/s, '')}, ${every}`
}

function stickiness(sticky: UpstreamConfig['sticky']): string {
  if (sticky === undefined) return 'off'
  return sticky.way === 'cookie' ? `cookie ${sticky.name}` : sticky.way
}

function rules(given: unknown): string | undefined {
  if (given === undefined) return undefined
  if (!Array.isArray(given)) return 'a function'
  return given.length === 0 ? undefined : `${String(given.length)} rules`
}

function words(conditions: Iterable<string>): string {
  return [...conditions].join(', ') || 'off'
}

function onOff(value: boolean): string {
  return value ? 'on' : 'off'
}

function percent(share: number): string {
  return `${String(Number((share * 100).toPrecision(3)))} %`
}

function timeOrOff(ms: number): string {
  return ms === 0 ? 'off' : time(ms)
}

const HOUR = 3_600_000

function time(ms: number): string {
  if (ms >= HOUR && ms % HOUR === 0) return `${String(ms / HOUR)} h`
  if (ms >= 60_000 && ms % 60_000 === 0) return `${String(ms / 60_000)} min`
  return ms >= 1000 ? `${String(ms / 1000)} s` : `${String(ms)} ms`
}

function size(bytes: number): string {
  if (bytes >= 1 << 20) return `${String(Number((bytes / (1 << 20)).toPrecision(3)))} MB`
  return bytes >= 1024
    ? `${String(Number((bytes / 1024).toPrecision(3)))} kB`
    : `${String(bytes)} B`
}
