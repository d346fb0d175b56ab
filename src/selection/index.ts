/** The table of the algorithms: one file and one line each. */
import type { PeerSelectorFactory } from '../upstream/peer-selector.js'
import { leastConn } from './least-conn.js'
import { roundRobin } from './round-robin.js'

const selectors: ReadonlyMap<string, PeerSelectorFactory> = new Map([
  ['round_robin', roundRobin],
  ['least_conn', leastConn],
])

/** The names that the `selector` option knows. */
export const selectorNames: readonly string[] = [...selectors.keys()]

export function selectorFactory(name: string): PeerSelectorFactory | undefined {
  return selectors.get(name)
}
