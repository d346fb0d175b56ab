import { describe, expect, it } from 'vitest'
import { exhaust, group, names, open, queueUp } from './group.js'

const four = { a: {}, b: {}, c: {}, d: {} }
const live = (all: ReturnType<typeof group>): string =>
  all.registry.tiers.map((tier) => tier.live.map(({ name }) => name).join('')).join(' ')

describe('the panic threshold', () => {
  it('begins below so many per cent, and ends with them', () => {
    const all = group(four, { panicThreshold: 50 })
    const { peer } = all
    peer('a').healthy = false
    peer('b').healthy = false
    expect(live(all)).toBe('cd')
    peer('c').healthy = false
    expect(live(all)).toBe('abcd')
    expect(all.registry.status(peer('a'))).toBe('unhealthy')
    peer('a').healthy = true
    expect(live(all)).toBe('ad')
  })

  it.each([
    [0, ''],
    [1, 'abcd'],
    [100, 'abcd'],
  ])('of %d: with nobody fit, live are "%s"', (panicThreshold, expected) => {
    const all = group(four, { panicThreshold })
    for (const each of all.registry.peers) each.healthy = false
    expect(live(all)).toBe(expected)
  })

  it('of 100 panics for a single one', () => {
    const all = group(four, { panicThreshold: 100 })
    all.peer('d').healthy = false
    expect(live(all)).toBe('abcd')
  })

  it('counts marks as it counts health, and ends when time has brought them back', () => {
    const all = group(four, { panicThreshold: 50 })
    for (let i = 0; i < 3; i++) open(all.registry).next()?.fail('error', 'connect')
    expect(live(all)).toBe('abcd')
    all.clock.advance(10_000)
    all.registry.settle(all.clock.now())
    expect(all.registry.peers.map((peer) => all.registry.status(peer))).toEqual(
      Array.from({ length: 4 }, () => 'up'),
    )
    expect(live(all)).toBe('abcd')
  })

  it('never uses peers that are draining, down or full', () => {
    const all = group(
      { a: {}, b: { down: true }, c: { drain: true }, d: { maxConns: 1 }, e: {} },
      { panicThreshold: 60 },
    )
    const { registry, peer } = all
    for (const name of ['a', 'd']) peer(name).healthy = false
    expect(live(all)).toBe('ade')
    expect(names(exhaust(open(registry))).sort()).toEqual(['a', 'd', 'e'])
    expect(live(all)).toBe('ae')
    peer('a').draining = true
    peer('e').down = true
    expect(live(all)).toBe('')
    peer('e').down = false
    expect(live(all)).toBe('e')
  })

  it('is each tier’s own, and counts those in service', () => {
    const all = group(
      { a: {}, b: { down: true }, c: { tier: 1 }, d: { tier: 1 }, e: { tier: 1 } },
      { panicThreshold: 40 },
    )
    all.peer('c').healthy = false
    expect(live(all)).toBe('a de')
    all.peer('d').healthy = false
    expect(live(all)).toBe('a cde')
    all.peer('a').healthy = false
    expect(live(all)).toBe('a cde')
  })

  it('is looked at again when peers come and go', () => {
    const all = group({ a: {}, b: {} }, { panicThreshold: 50 })
    all.peer('a').healthy = false
    expect(live(all)).toBe('b')
    all.registry.remove(all.peer('b'))
    expect(live(all)).toBe('a')
  })

  it('wakes those who wait: now there is somebody', async () => {
    const all = group(
      { a: { maxConns: 1 }, b: {}, c: {} },
      { panicThreshold: 50, whenNoneLive: 'wait' },
    )
    const { registry, peer } = all
    open(registry).next()
    peer('b').healthy = false
    peer('c').draining = true
    expect(live(all)).toBe('')
    const outcomes: string[] = []
    queueUp(registry, outcomes)
    peer('a').healthy = false
    expect(live(all)).toBe('b')
    await Promise.resolve()
    expect(outcomes).toEqual(['ready'])
  })

  it('wakes those who wait also when a failure has brought it about', async () => {
    const all = group(
      { a: { maxConns: 1 }, b: {}, d: {} },
      { panicThreshold: 50, whenNoneLive: 'wait' },
    )
    const { registry, peer } = all
    open(registry).next()
    peer('b').healthy = false
    const outcomes: string[] = []
    queueUp(registry, outcomes)
    registry.failed(peer('d'), 'error', 'answer')
    expect(live(all)).toBe('bd')
    await Promise.resolve()
    expect(outcomes).toEqual(['ready'])
  })
})
