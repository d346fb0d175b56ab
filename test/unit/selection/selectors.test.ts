import { describe, expect, it } from 'vitest'
import { selectorFromFunction } from '../../../src/selection/from-function.js'
import { makeSelector, selectorFactory, selectorNames } from '../../../src/selection/index.js'
import { leastConn } from '../../../src/selection/least-conn.js'
import { roundRobin } from '../../../src/selection/round-robin.js'
import type { Peer, SelectionRequest } from '../../../src/upstream/peer-selector.js'
import { exhaust, group, names, open, request } from '../upstream/group.js'
import type { GroupOptions } from '../upstream/group.js'
import type { PeerParameters } from '../../../src/upstream/peer.js'

/** Picks `count` times, each by a request of its own that is over at once. */
function sequence(
  peers: Readonly<Record<string, Partial<PeerParameters>>>,
  count: number,
  options: GroupOptions = {},
): string {
  const { registry } = group(peers, options)
  let picked = ''
  for (let i = 0; i < count; i++) {
    const lease = open(registry).next()
    picked += lease?.peer.name ?? '-'
    lease?.release('ok')
  }
  return picked
}

describe('the table of selectors', () => {
  it('has round_robin and least_conn, each under its own name', () => {
    expect(selectorNames).toEqual(expect.arrayContaining(['round_robin', 'least_conn']))
    for (const name of selectorNames)
      expect(selectorFactory(name)?.({ random: () => 0, now: () => 0 }).name).toBe(name)
  })

  it('knows no other', () => {
    expect(selectorFactory('fastest')).toBeUndefined()
  })
})

describe('round_robin', () => {
  it('goes round', () => {
    expect(sequence({ a: {}, b: {}, c: {} }, 7)).toBe('abcabca')
  })

  it('is smooth: nginx’s own example of weights 5, 1, 1', () => {
    expect(sequence({ a: { weight: 5 }, b: {}, c: {} }, 14)).toBe('aabacaa'.repeat(2))
  })

  it('is smooth: 3 and 1', () => {
    expect(sequence({ a: { weight: 3 }, b: {} }, 8)).toBe('aabaaaba')
  })

  it('leaves out who is not eligible, and takes no step for it', () => {
    const { registry, peer } = group({ a: {}, b: {}, c: { down: true } })
    expect(names(exhaust(open(registry)))).toEqual(['a', 'b'])
    expect(peer('c').currentWeight).toBe(0)
  })

  it('gives weight back, one at each step', () => {
    const { registry, peer } = group({ a: { weight: 3 }, b: { weight: 3 } })
    peer('a').effectiveWeight = 0
    const given: number[] = []
    for (let i = 0; i < 4; i++) {
      open(registry).next()?.release('ok')
      given.push(peer('a').effectiveWeight)
    }
    expect(given).toEqual([1, 2, 3, 3])
  })

  it('finds nobody where nobody is', () => {
    expect(sequence({ a: { down: true } }, 2)).toBe('--')
  })

  it('shares one picker among all requests', () => {
    const selector = roundRobin()
    expect(selector.begin(request)).toBe(selector.begin(request))
  })
})

describe('least_conn', () => {
  const selector = (): ReturnType<typeof leastConn> => leastConn()

  it('takes the peer with the fewest attempts in flight', () => {
    const { registry, peer } = group({ a: {}, b: {}, c: {} }, { selector: selector() })
    peer('a').connections = 2
    peer('b').connections = 1
    peer('c').connections = 3
    expect(open(registry).next()?.peer.name).toBe('b')
  })

  it('by weight', () => {
    const { registry, peer } = group({ a: { weight: 4 }, b: {} }, { selector: selector() })
    peer('a').connections = 3
    peer('b').connections = 1
    expect(open(registry).next()?.peer.name).toBe('a')
    peer('a').connections = 5
    expect(open(registry).next()?.peer.name).toBe('b')
  })

  it('goes round among equals, by weight', () => {
    expect(sequence({ a: {}, b: {}, c: {} }, 6, { selector: selector() })).toBe('abcabc')
    expect(sequence({ a: { weight: 2 }, b: {} }, 6, { selector: selector() })).toBe('abaaba')
  })

  it('goes round among the equals only', () => {
    const { registry, peer } = group({ a: {}, b: {}, c: {} }, { selector: selector() })
    peer('b').connections = 1
    const picked = [1, 2, 3, 4].map(() => {
      const lease = open(registry).next()
      lease?.release('ok')
      return lease?.peer.name
    })
    expect(picked).toEqual(['a', 'c', 'a', 'c'])
    expect(peer('b').currentWeight).toBe(0)
  })

  it('gives weight back to those with the least load, and leaves the others as they are', () => {
    const { registry, peer } = group(
      { x: { weight: 2 }, a: { weight: 2 }, b: { weight: 2 } },
      { selector: selector() },
    )
    peer('x').connections = 1
    for (const name of ['x', 'a', 'b']) peer(name).effectiveWeight = 0
    open(registry).next()?.release('ok')
    expect(['x', 'a', 'b'].map((name) => peer(name).effectiveWeight)).toEqual([0, 1, 1])
    expect(['x', 'a', 'b'].map((name) => peer(name).currentWeight)).toEqual([0, 0, 0])
  })

  it('looks at eligible peers only', () => {
    const { registry, peer } = group({ a: {}, b: {} }, { selector: selector() })
    peer('b').connections = 5
    peer('a').draining = true
    expect(open(registry).next()?.peer.name).toBe('b')
  })

  it('finds nobody where nobody is', () => {
    expect(sequence({ a: { down: true } }, 1, { selector: selector() })).toBe('-')
  })
})

describe('random two', () => {
  it('are two different ones', () => {
    const drawn = [0, 0.1, 0.2, 0.9]
    const selector = makeSelector(
      { name: 'random', two: true, time: 'header' },
      { random: () => drawn.shift() ?? 0, now: () => 0 },
    )
    const { registry, peer } = group({ a: {}, b: {} }, { selector })
    peer('a').connections = 5
    expect(open(registry).next()?.peer.name).toBe('b')
    expect(drawn).toEqual([])
  })
})

describe('selectorFromFunction', () => {
  it('is named as the function', () => {
    expect(
      selectorFromFunction(function byTenant(peers) {
        return peers[0]
      }).name,
    ).toBe('byTenant')
    expect(selectorFromFunction((peers) => peers[0]).name).toBe('function')
  })

  it('is not asked when nobody is eligible', () => {
    let asked = 0
    const selector = selectorFromFunction((peers) => {
      asked++
      return peers[0]
    })
    expect(sequence({ a: { down: true } }, 1, { selector })).toBe('-')
    expect(asked).toBe(0)
  })

  it('is given the request', () => {
    const seen: SelectionRequest[] = []
    const selector = selectorFromFunction((peers, one) => {
      seen.push(one)
      return peers.at(-1)
    })
    expect(sequence({ a: {}, b: {} }, 2, { selector })).toBe('bb')
    expect(seen[0]).toBe(request)
  })

  it('leaves the choice to round robin when it makes none, or a wrong one', () => {
    expect(sequence({ a: {}, b: {} }, 4, { selector: selectorFromFunction(() => undefined) })).toBe(
      'abab',
    )
    const stranger = { name: 'x' } as Peer
    expect(sequence({ a: {}, b: {} }, 4, { selector: selectorFromFunction(() => stranger) })).toBe(
      'abab',
    )
  })

  it('what it throws goes through', () => {
    const selector = selectorFromFunction(() => {
      throw new Error('mine')
    })
    expect(() => sequence({ a: {} }, 1, { selector })).toThrow('mine')
  })
})
