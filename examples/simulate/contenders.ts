/** The selectors that are compared: all that have a name, so that a new one is here by itself. */
import type { PeerOptions, SelectorOptions } from 'evenkeel'
import { selectorNames } from '../../src/selection/index.js'

export interface Contender {
  readonly name: string
  readonly selector: string | SelectorOptions
  /** For each peer. */
  readonly peer?: Pick<PeerOptions, 'maxConns'>
}

/** Those that have more than one form, or need an option. */
const FORMS: Readonly<Record<string, readonly Contender[]>> = {
  hash: [
    { name: 'hash', selector: { name: 'hash', key: 'uri' } },
    { name: 'consistent hash', selector: { name: 'hash', key: 'uri', consistent: true } },
    {
      name: 'bounded hash',
      selector: { name: 'hash', key: 'uri', consistent: true, boundedLoad: 1.25 },
    },
  ],
  random: [
    { name: 'random', selector: 'random' },
    { name: 'random two', selector: { name: 'random', two: true } },
    { name: 'random two least_time', selector: { name: 'random', two: 'least_time' } },
  ],
  least_time: [
    { name: 'least_time', selector: 'least_time' },
    { name: 'least_time inflight', selector: { name: 'least_time', inflight: true } },
  ],
  // Without a limit it would give all to the first.
  first: [{ name: 'first', selector: 'first', peer: { maxConns: 8 } }],
}

export const contenders: readonly Contender[] = selectorNames.flatMap(
  (name) => FORMS[name] ?? [{ name, selector: name }],
)
