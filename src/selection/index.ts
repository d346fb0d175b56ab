/** The table of the algorithms: one file and one line each. */
import type {
  PeerSelector,
  PeerSelectorFactory,
  SelectorContext,
} from '../upstream/peer-selector.js'
import { ConsistentHashSelector } from './consistent-hash.js'
import { first } from './first.js'
import { HashSelector } from './hash.js'
import { ipHash } from './ip-hash.js'
import { leastConn } from './least-conn.js'
import { leastTime, randomTwoLeastTime } from './least-time.js'
import type {
  HashSelectorOptions,
  LeastTimeSelectorOptions,
  MeasuredTime,
  PlainSelectorOptions,
  RandomSelectorOptions,
} from './options.js'
import { peakEwma } from './peak-ewma.js'
import type { PeakEwmaSettings } from './peak-ewma.js'
import { random, randomTwo } from './random.js'
import { readKey } from './request-key.js'
import { roundRobin } from './round-robin.js'

type RandomSettings = RandomSelectorOptions & { readonly time: MeasuredTime }

/** {@link SelectorOptions} with every default filled in. */
export type SelectorSettings =
  | PlainSelectorOptions
  | HashSelectorOptions
  | RandomSettings
  | Required<LeastTimeSelectorOptions>
  | ({ readonly name: 'peak_ewma' } & PeakEwmaSettings)

/** Every name with its default settings; the key of `hash` has none in the `selector` option, as in nginx. */
const selectors: ReadonlyMap<string, PeerSelectorFactory> = new Map([
  ['round_robin', roundRobin],
  ['least_conn', leastConn],
  ['ip_hash', ipHash],
  ['hash', () => makeHash({ name: 'hash', key: 'uri' })],
  ['random', random],
  ['least_time', leastTime],
  ['peak_ewma', (context) => peakEwma(context, { time: 'header', decay: 10_000 })],
  ['first', first],
])

/** The names that the `selector` option knows. */
export const selectorNames: readonly string[] = [...selectors.keys()]

/** A selector of that name with default settings. */
export function selectorFactory(name: string): PeerSelectorFactory | undefined {
  return selectors.get(name)
}

export function makeSelector(settings: SelectorSettings, context: SelectorContext): PeerSelector {
  switch (settings.name) {
    case 'hash':
      return makeHash(settings)
    case 'random':
      return makeRandom(settings, context)
    case 'least_time':
      return leastTime(context, settings)
    case 'peak_ewma':
      return peakEwma(context, settings)
    default:
      return makePlain(settings.name, context)
  }
}

function makePlain(name: string, context: SelectorContext): PeerSelector {
  const factory = selectors.get(name)
  if (factory === undefined) throw new TypeError(`no such selector: ${name}`)
  return factory(context)
}

function makeHash({ key, consistent, boundedLoad }: HashSelectorOptions): PeerSelector {
  const read = readKey(key)
  return consistent === true
    ? new ConsistentHashSelector(read, boundedLoad ?? Infinity)
    : new HashSelector(read)
}

function makeRandom({ two, time }: RandomSettings, context: SelectorContext): PeerSelector {
  if (two === undefined || two === false) return random(context)
  return two === 'least_time' ? randomTwoLeastTime(context, { time }) : randomTwo(context)
}
