/** The `selector` option, and which peers a selector does not get on with. */
import type { UpstreamOptions } from '../options.js'
import type {
  HashKey,
  HashSelectorOptions,
  LeastTimeSelectorOptions,
  MeasuredTime,
  PeakEwmaSelectorOptions,
  PlainSelectorOptions,
  RandomSelectorOptions,
  SelectorName,
  SelectorOptions,
} from '../selection/options.js'
import { selectorNames } from '../selection/index.js'
import type { SelectorSettings } from '../selection/index.js'
import {
  hasVariables,
  KEY_WORDS,
  unknownVariables,
  VARIABLE_NAMES,
} from '../selection/request-key.js'
import type { PeerSelector } from '../upstream/peer-selector.js'
import type { PeerParameters } from '../upstream/peer.js'
import type { Problems } from './problems.js'
import { hasMethods, isOptions, namesOf, Section } from './section.js'
import type { NumberRule } from './section.js'
import { suggest } from './suggest.js'
import type { PeerConfig, UpstreamConfig } from './types.js'

const PLAIN = namesOf<PlainSelectorOptions>({ name: true })
/** Of those that have more options than a name. */
const NAMES = {
  hash: namesOf<HashSelectorOptions>({
    name: true,
    key: true,
    consistent: true,
    boundedLoad: true,
  }),
  random: namesOf<RandomSelectorOptions>({ name: true, two: true, time: true }),
  least_time: namesOf<LeastTimeSelectorOptions>({ name: true, time: true, inflight: true }),
  peak_ewma: namesOf<PeakEwmaSelectorOptions>({ name: true, time: true, decay: true }),
}

const RULE = 'must be a name, an object with one, a function or a selector with begin()'
const ROUND_ROBIN: SelectorSettings = { name: 'round_robin' }

/** A ring has 160 points for each unit of weight: this many need 130 MB. */
const HEAVIEST_RING = 100_000

const BOUND: NumberRule = {
  rule: 'must be a number of more than 1',
  holds: (value) => Number.isFinite(value) && value > 1,
}

type WithSelector = Pick<UpstreamOptions, 'selector'>

export function readSelector(options: Section<WithSelector>): UpstreamConfig['selector'] {
  const value = options.value('selector')
  if (value === undefined) return ROUND_ROBIN
  const select = options.functionOf('selector')
  if (select !== undefined) return select
  if (hasMethods<PeerSelector>(value, ['begin'])) return value
  if (typeof value === 'string') return readName(options, value)
  if (isOptions(value)) return readOptions(options, value)
  options.reject('selector', RULE)
  return ROUND_ROBIN
}

function readName(options: Section<WithSelector>, value: string): SelectorSettings {
  const name = nameIn(value)
  if (name === 'hash') {
    options.reject('selector', "needs a key: { name: 'hash', key: … }")
    return ROUND_ROBIN
  }
  if (name !== undefined) return settingsOf(options.problems, options.path('selector'), name, {})
  options.reject('selector', unknownName(value))
  return ROUND_ROBIN
}

function readOptions(options: Section<WithSelector>, value: object): SelectorSettings {
  const path = options.path('selector')
  const given: unknown = nameOf(value)
  const name = typeof given === 'string' ? nameIn(given) : undefined
  if (name !== undefined) return settingsOf(options.problems, path, name, value)
  if (given === undefined) options.reject('selector', RULE)
  else options.problems.add(`${path}.name`, unknownName(given), given)
  return ROUND_ROBIN
}

function nameOf(value: object): unknown {
  try {
    return Reflect.get(value, 'name')
  } catch {
    return undefined
  }
}

function nameIn(given: string): SelectorName | undefined {
  return selectorNames.includes(given) ? (given as SelectorName) : undefined
}

function unknownName(given: unknown): string {
  const hint = typeof given === 'string' ? suggest(given, selectorNames) : ''
  return `must be one of ${selectorNames.join(', ')}${hint}`
}

function settingsOf(
  problems: Problems,
  path: string,
  name: SelectorName,
  value: object,
): SelectorSettings {
  const open = <T extends SelectorOptions>(names: readonly string[]): Section<T> =>
    new Section<T>(problems, path, value, names)
  switch (name) {
    case 'hash':
      return readHash(open(NAMES.hash))
    case 'random':
      return readRandom(open(NAMES.random))
    case 'least_time': {
      const options = open<LeastTimeSelectorOptions>(NAMES.least_time)
      const inflight = options.boolean('inflight', false)
      return Object.freeze({ name, time: readTime(options), inflight })
    }
    case 'peak_ewma': {
      const options = open<PeakEwmaSelectorOptions>(NAMES.peak_ewma)
      const decay = options.duration('decay', 10_000, 'more than zero')
      return Object.freeze({ name, time: readTime(options), decay })
    }
    default:
      open<PlainSelectorOptions>(PLAIN)
      return Object.freeze({ name })
  }
}

function readTime(options: Section<{ readonly time?: MeasuredTime }>): MeasuredTime {
  return options.choice('time', ['header', 'last_byte'], 'header')
}

function readRandom(options: Section<RandomSelectorOptions>): SelectorSettings {
  const given = options.value('two')
  const two =
    typeof given === 'boolean'
      ? given
      : given !== undefined && options.choice('two', ['least_conn', 'least_time'], 'least_conn')
  if (options.given('time') && two !== 'least_time')
    options.reject('time', "needs two: 'least_time'")
  return Object.freeze({ name: 'random', two, time: readTime(options) })
}

function readHash(options: Section<HashSelectorOptions>): SelectorSettings {
  const consistent = options.boolean('consistent', false)
  const key = readHashKey(options)
  if (!options.given('boundedLoad')) return Object.freeze({ name: 'hash', key, consistent })
  if (!consistent) options.reject('boundedLoad', 'needs consistent: true')
  const boundedLoad = options.number('boundedLoad', BOUND, 1.25)
  return Object.freeze({ name: 'hash', key, consistent, boundedLoad })
}

const KEY_RULE =
  "must be 'uri', 'path', 'address', a text with $variables, { header }, { cookie }, { query } or a function"
const PARTS = ['header', 'cookie', 'query'] as const

function readHashKey(options: Section<HashSelectorOptions>): HashKey {
  const value = options.value('key')
  const key = options.functionOf('key')
  if (key !== undefined) return key
  if (value === undefined) options.problems.say(options.path('key'), `is required: it ${KEY_RULE}`)
  else if (typeof value === 'string') return readKeyText(options, value)
  else if (isOptions(value)) return readKeyPart(options)
  else options.reject('key', KEY_RULE)
  return 'uri'
}

function readKeyText(options: Section<HashSelectorOptions>, text: string): HashKey {
  if (KEY_WORDS.includes(text)) return text
  if (!hasVariables(text)) {
    options.reject('key', `${KEY_RULE}${suggest(text, KEY_WORDS)}`)
    return 'uri'
  }
  const unknown = unknownVariables(text)
  for (const name of unknown) {
    const hint = suggest(name, VARIABLE_NAMES)
    options.problems.say(
      options.path('key'),
      `must not have the variable $${name}: known are ${VARIABLE_NAMES.map((each) => `$${each}`).join(', ')}${hint}`,
    )
  }
  return unknown.length === 0 ? text : 'uri'
}

function readKeyPart(options: Section<HashSelectorOptions>): HashKey {
  const before = options.problems.count
  const part = options.section<Record<(typeof PARTS)[number], string>>('key', PARTS)
  const given = PARTS.filter((name) => part.given(name))
  const [name] = given
  if (name === undefined || given.length > 1) {
    if (options.problems.count === before) options.reject('key', KEY_RULE)
    return 'uri'
  }
  const text = part.text(name, NAME_OF[name], '')
  return { [name]: text } as unknown as HashKey
}

/** RFC 9110 section 5.6.2: what a name may consist of. */
const TOKEN = /^[\w!#$%&'*+.^`|~-]+$/
const NAME_OF = {
  header: { rule: 'must be the name of a header field', holds: (v: string) => TOKEN.test(v) },
  cookie: { rule: 'must be the name of a cookie', holds: (v: string) => TOKEN.test(v) },
  query: {
    rule: 'must be the name of an argument, as it is sent',
    holds: (v: string) => /^[^\s&=#]+$/.test(v),
  },
} as const

// ---- combinations that cannot be

/** nginx refuses these parameters with them, too (`NGX_HTTP_UPSTREAM_BACKUP`, `slow_start`). */
const BY_PLACE: ReadonlySet<SelectorName> = new Set(['hash', 'ip_hash', 'random'])

function settingsIn(selector: UpstreamConfig['selector']): SelectorSettings | undefined {
  return typeof selector === 'function' || 'begin' in selector ? undefined : selector
}

function isRing(selector: UpstreamConfig['selector']): boolean {
  const settings = settingsIn(selector)
  return settings?.name === 'hash' && settings.consistent === true
}

/** What is wrong with a peer for this selector: a rule, or undefined. */
export function selectorRefusal(
  selector: UpstreamConfig['selector'],
): (parameters: PeerParameters) => string | undefined {
  const name = settingsIn(selector)?.name
  const ring = isRing(selector)
  return ({ backup, slowStart = 0, weight }) => {
    if (ring && weight > HEAVIEST_RING)
      return `must not have a weight of more than ${HEAVIEST_RING} with the selector hash and consistent`
    if (name === undefined || !BY_PLACE.has(name)) return undefined
    if (backup) return `must not be a backup, or of a tier above 0, with the selector ${name}`
    return slowStart > 0 ? `must not have slowStart with the selector ${name}` : undefined
  }
}

/** The peers of the start; `slowStart` is what they have of the upstream. */
export function refuseUnselectable(
  options: Section<Pick<UpstreamOptions, 'slowStart'>>,
  path: string,
  peers: readonly PeerConfig[],
  selector: UpstreamConfig['selector'],
  slowStart: number,
): void {
  const refusal = selectorRefusal(selector)
  const name = settingsIn(selector)?.name
  if (slowStart > 0 && name !== undefined && BY_PLACE.has(name))
    options.problems.say(options.path('slowStart'), `must not be given with the selector ${name}`)
  const { problems } = options
  let total = 0
  for (const [index, { parameters }] of peers.entries()) {
    total += parameters.weight
    const own = parameters.slowStart === slowStart ? { ...parameters, slowStart: 0 } : parameters
    const rule = refusal(own)
    if (rule !== undefined) problems.say(`${path}[${index}]`, rule)
  }
  if (total > HEAVIEST_RING && isRing(selector))
    problems.say(
      path,
      `must not have a total weight of more than ${HEAVIEST_RING} with the selector hash and consistent`,
    )
}
