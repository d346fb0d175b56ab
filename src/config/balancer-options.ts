/** The options of the balancer that are not its upstream's. */
import type { BalancerOptions, NextUpstreamOptions, RetryBudgetOptions } from '../options.js'
import type { NextUpstreamPolicy } from '../next-upstream/decide.js'
import type { Transport, TransportFactory } from '../transport/transport.js'
import { isAccessLog } from '../observe/access-log.js'
import { readAccessLog } from './access-log.js'
import { readNextConditions } from './conditions.js'
import type { Defaults } from './defaults.js'
import { readErrorLog } from './error-log.js'
import { readExempt } from './exempt.js'
import { readTrustProxy } from './networks.js'
import { readBodies } from './body-options.js'
import { readMessages } from './message-options.js'
import { readOverload } from './overload.js'
import { readStatusPage } from './status-page.js'
import { AMOUNT, COUNT, hasMethods, namesOf, POSITIVE_INTEGER, Section } from './section.js'
import type { TextRule } from './section.js'
import type { BalancerConfig } from './types.js'

const NEXT_UPSTREAM = namesOf<NextUpstreamOptions>({
  on: true,
  tries: true,
  timeout: true,
  idempotent: true,
  policy: true,
})
const RETRY_BUDGET = namesOf<RetryBudgetOptions>({ ratio: true, floor: true, window: true })

/** RFC 9110 section 7.2: `uri-host [ ":" port ]`. */
const HOST: TextRule = {
  rule: "must be 'client', 'peer' or a host name, perhaps with a port",
  holds: (value) => /^(\[[\da-f:.]+\]|[\w.~!$&'()*+,;=%-]+)(:\d*)?$/i.test(value),
}
/** What an RFC 8941 string may hold; a token is one, too. */
const STATUS_NAME: TextRule = {
  rule: 'must be printable ASCII, or false',
  holds: (value) => /^[\x20-\x7e]+$/.test(value),
}

type Options = Section<BalancerOptions>

export function readBalancer(
  options: Options,
  defaults: Defaults,
): Omit<BalancerConfig, 'upstream' | 'nginx' | 'clock' | 'random'> {
  return {
    ...readNextUpstream(options, defaults),
    retryBudget: readRetryBudget(options, defaults),
    exempt: readExempt(options),
    connectTimeout: options.duration('connectTimeout', defaults.connectTimeout, 'more than zero'),
    sendTimeout: options.duration('sendTimeout', 60_000, 'more than zero'),
    readTimeout: options.duration('readTimeout', 60_000, 'more than zero'),
    bufferSize: options.size('bufferSize', 16 * 1024, 'more than zero'),
    maxHeaders: options.number('maxHeaders', POSITIVE_INTEGER, 1000),
    tunnelTimeout: options.duration('tunnelTimeout', defaults.tunnelTimeout, 'more than zero'),
    ...readBodies(options, defaults),
    ...readMessages(options),
    ...readOverload(options),
    trustProxy: readTrustProxy(options, defaults.trustProxy),
    host: options.text('host', HOST, defaults.host),
    proxyStatus: readProxyStatus(options),
    statusPage: readStatusPage(options),
    transport: readTransport(options),
    accessLog: readAccess(options),
    errorLog: readErrorLog(options.problems, options.path('errorLog'), options.value('errorLog')),
    onError: options.callback('onError'),
  }
}

function readAccess(options: Options): BalancerConfig['accessLog'] {
  const given = options.value('accessLog')
  if (given === undefined || given === false) return undefined
  if (isAccessLog(given)) return given
  return readAccessLog(options.problems, options.path('accessLog'), given)
}

/** One that is made already, or one that is made of what the balancer knows. */
function readTransport(options: Options): BalancerConfig['transport'] {
  const given = options.value('transport')
  if (hasMethods<TransportFactory>(given, ['create'])) return given
  return options.plugin<Transport>('transport', ['roundTrip', 'close'], 'a transport')
}

type NextUpstreamConfig = Pick<
  BalancerConfig,
  'on' | 'nonIdempotent' | 'tries' | 'nextTimeout' | 'idempotent' | 'policy'
>

function readNextUpstream(options: Options, defaults: Defaults): NextUpstreamConfig {
  const policy = options.functionOf('nextUpstream')
  const rule = 'must be an object or a function'
  const next = policy
    ? new Section<NextUpstreamOptions>(options.problems, '', { policy }, NEXT_UPSTREAM)
    : options.section<NextUpstreamOptions>('nextUpstream', NEXT_UPSTREAM, rule)
  const on = readNextConditions(next, 'on', defaults.on)
  return {
    on: on.conditions,
    nonIdempotent: on.nonIdempotent,
    tries: next.number('tries', COUNT, defaults.tries) || Infinity,
    nextTimeout: next.duration('timeout', 0, 'zero allowed'),
    idempotent: next.callback('idempotent'),
    policy: readPolicy(next),
  }
}

function readPolicy(next: Section<NextUpstreamOptions>): BalancerConfig['policy'] {
  const value = next.value('policy')
  const policy = next.functionOf('policy')
  if (value === undefined || policy !== undefined) return policy
  if (hasMethods<NextUpstreamPolicy>(value, ['decide'])) return value
  next.reject('policy', 'must be a function or a policy with decide()')
  return undefined
}

function readRetryBudget(options: Options, defaults: Defaults): BalancerConfig['retryBudget'] {
  const value = options.value('retryBudget')
  if (value === false || (value === undefined && defaults.retryBudget === 'none')) return undefined
  const rule = 'must be an object, or false'
  const budget = options.section<RetryBudgetOptions>('retryBudget', RETRY_BUDGET, rule)
  return Object.freeze({
    ratio: budget.number('ratio', AMOUNT, 0.2),
    floor: budget.number('floor', AMOUNT, 10),
    window: budget.duration('window', 10_000, 'more than zero'),
  })
}

function readProxyStatus(options: Options): string | undefined {
  const value = options.value('proxyStatus')
  return value === false ? undefined : options.text('proxyStatus', STATUS_NAME, 'evenkeel')
}
