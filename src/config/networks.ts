/** Express's `trust proxy`, checked. What it means is in `message/trust-proxy.ts`. */
import { isValidTrustEntry } from '../message/trust-proxy.js'
import type { BalancerOptions, TrustProxy } from '../options.js'
import { COUNT, toList } from './section.js'
import type { Section } from './section.js'
import { suggest } from './suggest.js'

/** The names that Express has for networks. */
const NAMES = ['loopback', 'linklocal', 'uniquelocal']

/** A text becomes a list, so that a problem can name the part that is wrong. */
export function readTrustProxy(
  options: Section<BalancerOptions>,
  fallback: TrustProxy,
): TrustProxy {
  const value = options.value('trustProxy')
  const path = options.path('trustProxy')
  if (value === undefined) return fallback
  if (typeof value === 'boolean') return value
  if (typeof value === 'number') return options.number('trustProxy', COUNT, 0)
  if (typeof value === 'string') {
    const texts = value.split(',').map((text) => text.trim())
    return readNetworks(options, texts, () => path)
  }
  const list = toList(value)
  if (list !== undefined) return readNetworks(options, list, (index) => `${path}[${index}]`)
  const trust = options.functionOf('trustProxy')
  if (trust !== undefined) return trust
  options.reject('trustProxy', 'must be true, false, a number of hops, networks or a function')
  return fallback
}

function readNetworks(
  options: Section<BalancerOptions>,
  networks: readonly unknown[],
  pathOf: (index: number) => string,
): readonly string[] {
  const valid: string[] = []
  for (const [index, network] of networks.entries()) {
    if (typeof network === 'string' && isValidTrustEntry(network)) {
      valid.push(network)
      continue
    }
    const hint = typeof network === 'string' ? suggest(network, NAMES) : ''
    const rule = `must be an IP address, a network, ${NAMES.join(', ')}${hint}`
    options.problems.add(pathOf(index), rule, network)
  }
  return Object.freeze(valid)
}
