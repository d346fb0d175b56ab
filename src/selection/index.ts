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
  SelectorName,
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

/** Every name with its defaults; nginx knows no default for the key of `hash`, and the `selector` option has none either. */
const defaults: Readonly<Record<SelectorName, SelectorSettings>> = {
  round_robin: { name: 'round_robin' },
  least_conn: { name: 'least_conn' },
  ip_hash: { name: 'ip_hash' },
  hash: { name: 'hash', key: 'uri' },
  random: { name: 'random', time: 'header' },
  least_time: { name: 'least_time', time: 'header', inflight: false },
  peak_ewma: { name: 'peak_ewma', time: 'header', decay: 10_000 },
  first: { name: 'first' },
}

/** The names that the `selector` option knows. */
export const selectorNames = Object.keys(defaults) as readonly SelectorName[]

/** A selector of that name with default settings. */
export function selectorFactory(name: string): PeerSelectorFactory | undefined {
  const known = selectorNames.find((each) => each === name)
  return known && ((context) => makeSelector(defaults[known], context))
}

export function makeSelector(settings: SelectorSettings, context: SelectorContext): PeerSelector {
  switch (settings.name) {
    case 'round_robin':
      return roundRobin()
    case 'least_conn':
      return leastConn()
    case 'ip_hash':
      return ipHash()
    case 'first':
      return first()
    case 'hash':
      return makeHash(settings)
    case 'random':
      return makeRandom(settings, context)
    case 'least_time':
      return leastTime(context, settings)
    case 'peak_ewma':
      return peakEwma(context, settings)
  }
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
