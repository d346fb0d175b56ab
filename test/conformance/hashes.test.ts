/** 825 answers of a real nginx: `hash`, `hash … consistent` with equal and with other weights, `ip_hash`. */
import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { makeSelector } from '../../src/selection/index.js'
import type { SelectorSettings } from '../../src/selection/index.js'
import { PeerSession } from '../../src/upstream/peer-session.js'
import { group, request } from '../unit/upstream/group.js'

interface Golden {
  readonly servers: readonly { readonly addr: string; readonly weight: number }[]
  /** From keys, or addresses, to ports. */
  readonly hash_weighted: Readonly<Record<string, number>>
  readonly chash_equal: Readonly<Record<string, number>>
  readonly chash_weighted: Readonly<Record<string, number>>
  readonly ip_hash_weighted: Readonly<Record<string, number>>
}

const golden = JSON.parse(
  readFileSync(new URL('golden/hashes.json', import.meta.url), 'utf8'),
) as Golden

type Name = Exclude<keyof Golden, 'servers'>

const KEY = { header: 'x-key' }
const METHODS: readonly [Name, SelectorSettings, weights: 'equal' | 'as given'][] = [
  ['hash_weighted', { name: 'hash', key: KEY }, 'as given'],
  ['chash_equal', { name: 'hash', key: KEY, consistent: true }, 'equal'],
  ['chash_weighted', { name: 'hash', key: KEY, consistent: true }, 'as given'],
  ['ip_hash_weighted', { name: 'ip_hash' }, 'as given'],
]

describe.each(METHODS)('golden answers of nginx 1.31.5: %s', (name, settings, weights) => {
  const { registry } = group(
    Object.fromEntries(
      golden.servers.map(({ addr, weight }) => [addr, weights === 'equal' ? {} : { weight }]),
    ),
    { selector: makeSelector(settings, { random: () => 0, now: () => 0 }), nginx: true },
  )
  const answer = (key: string): string | undefined => {
    const session = new PeerSession(registry, {
      ...request,
      remoteAddress: name === 'ip_hash_weighted' ? key : '192.0.2.1',
      headers: { 'x-key': key },
    })
    const lease = session.next()
    lease?.release('ok')
    return lease?.peer.name
  }

  it.each(Object.entries(golden[name]))('%s: %i', (key, port) => {
    expect(answer(key)).toBe(`127.0.0.1:${port}`)
  })
})

it('they are 825', () => {
  expect(METHODS.flatMap(([name]) => Object.keys(golden[name]))).toHaveLength(825)
})
