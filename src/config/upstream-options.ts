/** The options of the group of peers. */
import type { Clock } from '../clock.js'
import type {
  KeepaliveOptions,
  PeerSource,
  ProbeOptions,
  QueueOptions,
  UpstreamOptions,
} from '../options.js'
import type { AgentPool } from '../transport/agents.js'
import { readBind } from './bind.js'
import { readFailConditions } from './conditions.js'
import type { Defaults } from './defaults.js'
import { defaultsOf } from './defaults.js'
import { readAdaptiveConcurrency } from './overload.js'
import { readFeedback, readHealthCheck } from './health-check.js'
import { readOutliers } from './outlier-detection.js'
import { readPeers } from './peers.js'
import { readLocality, readSubset } from './placement-options.js'
import { readSelector, refuseUnselectable } from './selector.js'
import { COUNT, hasMethods, namesOf, PERCENTAGE, POSITIVE_INTEGER, Section } from './section.js'
import { readSticky } from './sticky-options.js'
import { readTls } from './tls.js'
import { readZone } from './zone.js'
import type { KeepaliveConfig, UpstreamConfig } from './types.js'

/** What `createUpstream` and `createBalancer` both take. */
export type GroupOptions = Omit<UpstreamOptions, 'peers' | 'name'>

const PROBE = namesOf<ProbeOptions>({ interval: true, timeout: true })
const QUEUE = namesOf<QueueOptions>({ size: true, timeout: true })
const KEEPALIVE = namesOf<KeepaliveOptions>({
  connections: true,
  timeout: true,
  requests: true,
  time: true,
  nonIdempotent: true,
})

const POOL_RULE = 'must be an object of options, a function or a pool with agent() and close()'

/** Where the group's name and its list come from. */
export interface GroupIdentity {
  readonly name: string
  /** `peers` or `upstream`. */
  readonly path: string
  readonly list: unknown
}

export function readGroup(options: Section<GroupOptions>, group: GroupIdentity): UpstreamConfig {
  const { nginx, clock, random } = readSurroundings(options)
  const defaults = defaultsOf({ nginx })
  const tls = readTls(options, defaults.verify)
  const peerDefaults = Object.freeze({
    maxFails: options.number('maxFails', COUNT, 1),
    failTimeout: options.duration('failTimeout', 10_000, 'zero allowed'),
    slowStart: options.duration('slowStart', 0, 'zero allowed'),
  })
  const source = isAsyncIterable(group.list) ? group.list : undefined
  const peers =
    source === undefined
      ? readPeers(options.problems, group.path, group.list, { ...peerDefaults, tls })
      : []
  const selector = readSelector(options)
  refuseUnselectable(options, group.path, peers, selector, peerDefaults.slowStart)
  return Object.freeze({
    name: group.name,
    peers,
    source,
    peerDefaults,
    ...readOutliers(options, nginx, { path: group.path, peers }),
    panicThreshold: options.number('panicThreshold', PERCENTAGE, 0),
    selector,
    sticky: readSticky(options, { nginx }),
    locality: readLocality(options),
    subset: readSubset(options),
    failOn: readFailConditions(options, 'failOn', defaults.failOn),
    whenNoneLive: options.choice('whenNoneLive', ['try', 'wait', 'fail'], defaults.whenNoneLive),
    queue: readQueue(options),
    adaptiveConcurrency: readAdaptiveConcurrency(options),
    whenFull: options.given('queue') ? 'wait' : 'refuse',
    probe: readProbe(options, defaults),
    healthCheck: readHealthCheck(options, peers),
    feedback: readFeedback(options),
    ...readKeepalive(options, defaults),
    tls,
    bind: readBind(options, peers),
    zone: readZone(options),
    nginx,
    clock,
    random,
  })
}

/** What it brings is looked at when it comes. */
function isAsyncIterable(value: unknown): value is PeerSource {
  if (typeof value !== 'object' || value === null) return false
  try {
    return typeof Reflect.get(value, Symbol.asyncIterator) === 'function'
  } catch {
    return false
  }
}

/** Preset, time and chance: options of the balancer as well as of its upstream. */
export function readSurroundings(
  options: Section<GroupOptions>,
): Pick<UpstreamConfig, 'nginx' | 'clock' | 'random'> {
  if (options.given('preset')) options.choice('preset', ['nginx'], 'nginx')
  const nginx = options.value('preset') === 'nginx'
  return {
    nginx,
    clock: options.plugin<Clock>('clock', ['now', 'after'], 'a clock'),
    // eslint-disable-next-line no-restricted-properties -- the default that the option is there to replace
    random: options.callback('random') ?? Math.random,
  }
}

function readQueue(options: Section<GroupOptions>): UpstreamConfig['queue'] {
  const queue = options.section<QueueOptions>('queue', QUEUE)
  return Object.freeze({
    size: queue.number('size', COUNT, 1000),
    timeout: queue.duration('timeout', 10_000, 'zero allowed'),
  })
}

function readProbe(options: Section<GroupOptions>, defaults: Defaults): UpstreamConfig['probe'] {
  const value = options.value('probe')
  if (value === false || (value === undefined && defaults.probe === 'none')) return undefined
  const probe = options.section<ProbeOptions>('probe', PROBE, 'must be an object, or false')
  return Object.freeze({
    interval: probe.duration('interval', 1000, 'more than zero'),
    timeout: probe.duration('timeout', 1000, 'more than zero'),
  })
}

function readKeepalive(
  options: Section<GroupOptions>,
  defaults: Defaults,
): Pick<UpstreamConfig, 'keepalive' | 'pool'> {
  const value = options.value('keepalive')
  const pool = hasMethods<AgentPool>(value, ['agent', 'close'])
    ? value
    : options.functionOf('keepalive')
  if (pool !== undefined) {
    const none = new Section<KeepaliveOptions>(options.problems, '', {}, KEEPALIVE)
    return { pool, keepalive: keepaliveOf(none, defaults) }
  }
  const keepalive = options.section<KeepaliveOptions>('keepalive', KEEPALIVE, POOL_RULE)
  return { pool: undefined, keepalive: keepaliveOf(keepalive, defaults) }
}

function keepaliveOf(options: Section<KeepaliveOptions>, defaults: Defaults): KeepaliveConfig {
  return Object.freeze({
    connections: options.number('connections', COUNT, defaults.keepaliveConnections),
    timeout: options.duration('timeout', 60_000, 'zero allowed'),
    requests: options.number('requests', POSITIVE_INTEGER, 1000),
    time: options.duration('time', 3_600_000, 'zero allowed'),
    nonIdempotent: options.choice('nonIdempotent', ['fresh', 'any'], defaults.nonIdempotent),
  })
}
