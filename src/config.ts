/** From the options as given to configurations with every default filled in; all that is wrong is thrown at once. */
import { readBalancer } from './config/balancer-options.js'
import { defaultsOf } from './config/defaults.js'
import { Problems } from './config/problems.js'
import { hasMethods, isOptions, namesOf, Section } from './config/section.js'
import type { TextRule } from './config/section.js'
import type { BalancerConfig, UpstreamConfig } from './config/types.js'
import { readGroup, readSurroundings } from './config/upstream-options.js'
import type { GroupOptions } from './config/upstream-options.js'
import type { BalancerOptions, UpstreamOptions } from './options.js'
import type { Upstream } from './upstream/upstream.js'

export type { BalancerConfig, UpstreamConfig } from './config/types.js'

/** Options of the group: senseless beside an upstream that has its own. */
const OF_THE_GROUP = {
  name: true,
  selector: true,
  sticky: true,
  locality: true,
  subset: true,
  subsetFallback: true,
  maxFails: true,
  failTimeout: true,
  slowStart: true,
  panicThreshold: true,
  outlierDetection: true,
  retryAfter: true,
  failOn: true,
  whenNoneLive: true,
  queue: true,
  adaptiveConcurrency: true,
  probe: true,
  healthCheck: true,
  feedback: true,
  keepalive: true,
  tls: true,
  bind: true,
  zone: true,
} as const
const GROUP_ONLY = Object.keys(OF_THE_GROUP) as readonly (keyof typeof OF_THE_GROUP)[]

const SHARED = { ...OF_THE_GROUP, preset: true, clock: true, random: true } satisfies Record<
  keyof GroupOptions,
  true
>
const UPSTREAM = namesOf<UpstreamOptions>({ peers: true, ...SHARED })
const BALANCER = namesOf<BalancerOptions>({
  upstream: true,
  nextUpstream: true,
  retryBudget: true,
  maxInFlight: true,
  hedge: true,
  exempt: true,
  connectTimeout: true,
  sendTimeout: true,
  readTimeout: true,
  bufferSize: true,
  wholeResponse: true,
  buffering: true,
  buffers: true,
  maxTempFile: true,
  tempPath: true,
  limitRate: true,
  requestBuffering: true,
  bodyBuffer: true,
  replayBuffer: true,
  replayMemory: true,
  maxBody: true,
  maxHeaders: true,
  tunnelTimeout: true,
  forwarded: true,
  via: true,
  requestHeaders: true,
  responseHeaders: true,
  rewrite: true,
  mountPath: true,
  redirect: true,
  cookieDomain: true,
  cookiePath: true,
  onUpstreamRequest: true,
  onUpstreamResponse: true,
  interceptErrors: true,
  ignoreClientAbort: true,
  trustProxy: true,
  host: true,
  proxyStatus: true,
  statusPage: true,
  transport: true,
  accessLog: true,
  errorLog: true,
  onError: true,
  ...SHARED,
})

const DEFAULT_NAME = 'upstream'
/** It goes into logs and variables, one to a line. */
const NAME: TextRule = {
  rule: 'must be a text without control characters',
  holds: (value) => /^\P{Cc}+$/u.test(value),
}

/**
 * The options of `createUpstream`, resolved and frozen.
 * @throws {ConfigurationError} with everything that is wrong
 */
export function resolveUpstream(options: UpstreamOptions): UpstreamConfig {
  const problems = new Problems()
  const section = open<UpstreamOptions>(problems, options, UPSTREAM)
  const config = readGroup(section, {
    name: section.text('name', NAME, DEFAULT_NAME),
    path: 'peers',
    list: section.value('peers'),
  })
  problems.throwIfAny()
  return config
}

/**
 * The options of `createBalancer`, resolved and frozen.
 * @throws {ConfigurationError} with everything that is wrong
 */
export function resolveBalancer(options: BalancerOptions): BalancerConfig {
  const problems = new Problems()
  const section = open<BalancerOptions>(problems, options, BALANCER)
  const upstream = readUpstream(section)
  const config = { ...upstream, ...readBalancer(section, defaultsOf(upstream)) }
  problems.throwIfAny()
  return Object.freeze(config)
}

/** A group of its own from the list, or the one that is given. */
function readUpstream(
  section: Section<BalancerOptions>,
): Pick<BalancerConfig, 'upstream' | 'nginx' | 'clock' | 'random'> {
  const list = section.value('upstream')
  if (!hasMethods<Upstream>(list, ['status', 'close'])) {
    const name = section.text('name', NAME, DEFAULT_NAME)
    const upstream = readGroup(section, { name, path: 'upstream', list })
    const { nginx, clock, random } = upstream
    return { upstream, nginx, clock, random }
  }
  for (const name of GROUP_ONLY) {
    if (!section.given(name)) continue
    section.problems.say(section.path(name), 'belongs to the upstream made by createUpstream')
  }
  return { upstream: list, ...readSurroundings(section) }
}

/** Options that are none at all are one problem, and no others are looked for. */
function open<T extends object>(
  problems: Problems,
  options: unknown,
  names: readonly string[],
): Section<T> {
  if (!isOptions(options)) {
    problems.add('options', 'must be an object', options)
    problems.throwIfAny()
  }
  return new Section<T>(problems, '', isOptions(options) ? options : {}, names)
}
