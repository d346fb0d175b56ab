/** The options `healthCheck` and `feedback`. */
import { isConnectionField, isFieldValue, isSecretField, isToken } from '../message/field-rules.js'
import type { FeedbackOptions, HealthCheckOptions } from '../options.js'
import { copyOf } from './rules.js'
import { isOptions, namesOf, POSITIVE_INTEGER, toList } from './section.js'
import type { NumberRule, Section, TextRule } from './section.js'
import { joinPath } from './show.js'
import type { CheckSchedule, HealthCheckConfig, HttpCheckConfig, PeerConfig } from './types.js'
import type { GroupOptions } from './upstream-options.js'

const HEALTH_CHECK = namesOf<HealthCheckOptions>({
  type: true,
  check: true,
  method: true,
  path: true,
  headers: true,
  host: true,
  statuses: true,
  body: true,
  bodyLimit: true,
  port: true,
  interval: true,
  jitter: true,
  fall: true,
  rise: true,
  timeout: true,
  fastInterval: true,
  downInterval: true,
  initialState: true,
})
const FEEDBACK = namesOf<FeedbackOptions>({ header: true })

const OF_HTTP = ['method', 'path', 'headers', 'host', 'statuses', 'body', 'bodyLimit'] as const

const METHOD: TextRule = {
  rule: 'must be a method of HTTP, and not CONNECT',
  holds: (value) => isToken(value) && value !== 'CONNECT',
}
/** In bytes that Node sends as they are. */
const PATH: TextRule = {
  rule: 'must begin with / and have no #, space or control character',
  holds: (value) => /^\/[\x21-\x7e]*$/.test(value) && !value.includes('#'),
}
const HOST: TextRule = {
  rule: 'must be a host name, perhaps with a port',
  holds: (value) => /^(\[[\da-f:.]+\]|[\w.~!$&'()*+,;=%-]+)(:\d*)?$/i.test(value),
}
const PORT: NumberRule = {
  rule: 'must be an integer from 1 to 65535',
  holds: (value) => Number.isInteger(value) && value >= 1 && value <= 65_535,
}
const FIELD: TextRule = {
  rule: 'must be the name of a field that is not one of framing or connections',
  holds: (value) => isToken(value) && !isConnectionField(value),
}
const STATUSES = "must be a status, or a range of them such as '200-399'"

type Options = Section<HealthCheckOptions>
type Range = readonly [from: number, to: number]

/** Undefined: peers are not checked. */
export function readHealthCheck(
  options: Section<GroupOptions>,
  peers: readonly PeerConfig[],
): HealthCheckConfig | undefined {
  const value = options.value('healthCheck')
  if (value === undefined || value === false) return undefined
  const rule = 'must be an object, or false'
  const check = options.section<HealthCheckOptions>('healthCheck', HEALTH_CHECK, rule)
  if (options.given('probe') && options.value('probe') !== false)
    options.problems.say(options.path('probe'), 'is of no use beside healthCheck')
  return Object.freeze({
    schedule: readSchedule(check),
    probe: readProbe(check),
    port: readPort(check, peers),
  })
}

/** The name in lower case, or undefined. */
export function readFeedback(options: Section<GroupOptions>): string | undefined {
  if (!options.given('feedback')) return undefined
  const feedback = options.section<FeedbackOptions>('feedback', FEEDBACK)
  if (!isOptions(options.value('feedback'))) return undefined
  if (!feedback.given('header')) options.problems.say(feedback.path('header'), 'is required')
  return feedback.text('header', FIELD, '').toLowerCase() || undefined
}

function readSchedule(check: Options): CheckSchedule {
  const interval = check.duration('interval', 5000, 'more than zero')
  const fastest = Math.min(1000, interval)
  return Object.freeze({
    interval,
    jitter: check.duration('jitter', 0, 'zero allowed'),
    fastInterval: check.duration('fastInterval', fastest, 'more than zero'),
    downInterval: check.duration('downInterval', interval, 'more than zero'),
    timeout: check.duration('timeout', 2000, 'more than zero'),
    fall: check.number('fall', POSITIVE_INTEGER, 3),
    rise: check.number('rise', POSITIVE_INTEGER, 2),
    initialState: check.choice('initialState', ['up', 'down'], 'up'),
  })
}

/** One of the three kinds; what belongs to another one is refused. */
function readProbe(check: Options): HealthCheckConfig['probe'] {
  const http = readHttp(check)
  const type = check.choice('type', ['http', 'tcp'], 'http')
  const own = check.callback('check')
  if (check.given('check')) refuse(check, ['type', 'port', ...OF_HTTP], 'a check of your own')
  else if (type === 'tcp') refuse(check, OF_HTTP, "type 'tcp'")
  if (own !== undefined) return own
  return type === 'tcp' ? 'tcp' : http
}

function refuse(
  check: Options,
  names: readonly (keyof HealthCheckOptions)[],
  beside: string,
): void {
  for (const name of names) {
    if (check.given(name)) check.problems.say(check.path(name), `is of no use beside ${beside}`)
  }
}

function readHttp(check: Options): HttpCheckConfig {
  return Object.freeze({
    method: check.text('method', METHOD, 'GET'),
    path: check.text('path', PATH, '/'),
    headers: readHeaders(check),
    host: check.given('host') ? check.text('host', HOST, '') : undefined,
    statuses: readStatuses(check),
    body: readBody(check),
    bodyLimit: readBodyLimit(check),
  })
}

function readPort(check: Options, peers: readonly PeerConfig[]): number | undefined {
  if (!check.given('port')) return undefined
  if (peers.some(({ address }) => address.socketPath !== undefined))
    check.problems.say(check.path('port'), 'is of no use for unix: peers')
  return check.number('port', PORT, 0) || undefined
}

function readBody(check: Options): string | RegExp | undefined {
  const value = check.value('body')
  if (value === undefined) return undefined
  const wanted = typeof value === 'string' && value !== '' ? value : copyOf(value)
  if (wanted === undefined) check.reject('body', 'must be a text or a RegExp')
  else if (check.value('method') === 'HEAD')
    check.problems.say(check.path('body'), 'is of no use beside the method HEAD')
  return wanted
}

function readBodyLimit(check: Options): number {
  if (check.given('bodyLimit') && !check.given('body'))
    check.problems.say(check.path('bodyLimit'), 'is of no use without body')
  return check.size('bodyLimit', 64 * 1024, 'more than zero')
}

function readStatuses(check: Options): readonly Range[] {
  const value = check.value('statuses')
  if (value === undefined) return [[200, 399]]
  const list = toList(value)
  const path = check.path('statuses')
  if (list?.length === 0) check.reject('statuses', 'must have at least one status')
  const ranges: Range[] = []
  for (const [index, each] of (list ?? [value]).entries()) {
    const range = rangeOf(each)
    if (range !== undefined) ranges.push(range)
    else check.problems.add(list === undefined ? path : `${path}[${index}]`, STATUSES, each)
  }
  return Object.freeze(ranges)
}

function rangeOf(value: unknown): Range | undefined {
  if (typeof value !== 'number' && typeof value !== 'string') return undefined
  const match = /^([1-9]\d\d)(?:-([1-9]\d\d))?$/.exec(String(value))
  if (match === null) return undefined
  const from = Number(match[1])
  const to = Number(match[2] ?? from)
  return from <= to ? [from, to] : undefined
}

function readHeaders(check: Options): Readonly<Record<string, string>> {
  // `__proto__` is a field name like any other.
  const fields = Object.create(null) as Record<string, string>
  const given = check.value('headers')
  if (given === undefined) return fields
  const path = check.path('headers')
  try {
    if (!isOptions(given)) throw new TypeError('no fields')
    for (const [name, value] of Object.entries(given) as [string, unknown][]) {
      const rule = fieldRule(name, value, fields)
      if (rule === undefined) fields[name.toLowerCase()] = value as string
      else if (isSecretField(name)) check.problems.addSecret(joinPath(path, name), rule, value)
      else check.problems.add(joinPath(path, name), rule, value)
    }
  } catch {
    check.reject('headers', 'must be an object of fields')
  }
  return Object.freeze(fields)
}

/** The rule that a field breaks. */
function fieldRule(name: string, value: unknown, before: object): string | undefined {
  if (!FIELD.holds(name)) return FIELD.rule
  if (name.toLowerCase() === 'host') return 'must not be set here: the option host says it'
  if (name.toLowerCase() in before) return 'must be there once'
  if (typeof value === 'string' && isFieldValue(value)) return undefined
  return 'must be a text without control characters, in latin1'
}
