import { describe, expect, it } from 'vitest'
import type { PeerParameters, PeerState } from '../../../src/upstream/peer.js'
import { exhaust, group, names, open } from './group.js'

const three = { a: { tier: 0 }, b: { tier: 1 }, c: { tier: 7 }, d: { tier: 1 } }

const parametersOf = (peer: PeerState, changes: Partial<PeerParameters>): PeerParameters => ({
  weight: peer.weight,
  maxConns: peer.maxConns,
  maxFails: peer.maxFails,
  failTimeout: peer.failTimeout,
  backup: peer.backup,
  down: peer.down,
  drain: peer.draining,
  slowStart: peer.slowStart,
  tier: peer.tier,
  ...changes,
})

describe('three tiers', () => {
  it('are used in the order of their priority', () => {
    const { registry } = group(three)
    expect(registry.tiers.map(({ priority }) => priority)).toEqual([0, 1, 7])
    expect(names(exhaust(open(registry)))).toEqual(['a', 'b', 'd', 'c'])
  })

  it.each([
    [{}, 'a'],
    [{ a: { down: true } }, 'b'],
    [{ a: { drain: true }, b: { down: true } }, 'd'],
    [{ a: { down: true }, b: { down: true }, d: { drain: true } }, 'c'],
    [{ a: { down: true }, b: { down: true }, d: { down: true }, c: { down: true } }, undefined],
  ] as const)('with %j the first is %s', (changes, expected) => {
    const { registry, peer } = group(three)
    for (const [name, change] of Object.entries(changes))
      registry.update(peer(name), parametersOf(peer(name), change))
    expect(open(registry).next()?.peer.name).toBe(expected)
  })

  it('marked, full and unhealthy peers leave a tier empty, and what is marked is better than nothing', () => {
    const { registry, peer } = group({ a: {}, b: { tier: 1, maxConns: 1 }, c: { tier: 2 } })
    open(registry).next()?.fail('error', 'connect')
    expect(open(registry).next()?.peer.name).toBe('b')
    expect(open(registry).next()?.peer.name).toBe('c')
    peer('c').healthy = false
    expect(names(exhaust(open(registry)))).toEqual(['a', 'c'])
  })

  it('have weights and a version of their own', () => {
    const { registry, peer } = group({
      a: { weight: 2 },
      b: { tier: 1, weight: 3 },
      c: { tier: 1 },
    })
    const [first, second] = registry.tiers
    expect([first?.totalWeight, second?.totalWeight]).toEqual([2, 4])
    const versions = [first?.version, second?.version]
    registry.update(peer('b'), parametersOf(peer('b'), { weight: 10 }))
    expect([first?.totalWeight, second?.totalWeight]).toEqual([2, 11])
    expect(second?.version).toBeGreaterThan(versions[1] ?? Infinity)
  })

  it('move at run time: the peer has what it had, and its lease is released once', () => {
    const { registry, peer } = group(three)
    const lease = open(registry).next()
    const peerA = peer('a')
    registry.update(peerA, parametersOf(peerA, { tier: 7 }))
    expect(registry.tiers.map(({ live }) => live.map(({ name }) => name))).toEqual([
      [],
      ['b', 'd'],
      ['a', 'c'],
    ])
    expect(peerA.connections).toBe(1)
    lease?.release('ok')
    lease?.release('ok')
    expect(peerA.connections).toBe(0)
  })

  it('that are given up hold nobody, and a request that was there starts over', () => {
    const { registry, peer } = group(
      { a: {}, b: { tier: 1 }, c: { tier: 1 } },
      { whenNoneLive: 'fail' },
    )
    const session = open(registry)
    session.next()
    expect(session.next()?.peer.name).toBe('b')
    const { group: left } = session
    registry.update(peer('b'), parametersOf(peer('b'), { tier: 0 }))
    registry.update(peer('c'), parametersOf(peer('c'), { tier: 0 }))
    expect(left.live).toEqual([])
    expect(session.outlook()).toBe('live')
    expect(session.next()?.peer.name).toBe('c')
  })

  it('need no primary', () => {
    const { registry } = group({ a: { tier: 3 }, b: { tier: 2 } })
    expect(names(exhaust(open(registry)))).toEqual(['b', 'a'])
  })
})
