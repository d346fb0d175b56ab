import { describe, expect, it } from 'vitest'
import { leastConn } from '../../../src/selection/least-conn.js'
import { Easing } from '../../../src/upstream/easing.js'
import type { PeerParameters } from '../../../src/upstream/peer.js'
import { group, makePeer, open } from './group.js'
import type { GroupOptions } from './group.js'

const SLOW = 10_000

/** `a` has been away and is back now. */
function returning(given: Partial<PeerParameters> = {}, options: GroupOptions = {}) {
  const all = group({ a: { slowStart: SLOW, ...given }, b: { slowStart: SLOW } }, options)
  const back = (): void => {
    all.peer('a').down = true
    all.peer('a').down = false
  }
  /** Of so many requests, those that `a` gets; each is over at once. */
  const share = (count: number): number => {
    let got = 0
    for (let i = 0; i < count; i++) {
      const lease = open(all.registry).next()
      if (lease?.peer.name === 'a') got++
      lease?.release('ok')
    }
    return got
  }
  return { ...all, back, share }
}

describe('slow start', () => {
  it('is not for the start', () => {
    const { share, peer } = returning()
    expect(peer('a').easedWeight).toBe(1)
    expect(share(100)).toBe(50)
  })

  it('raises the weight in proportion to time, from a hundredth', () => {
    const { back, peer, registry, clock } = returning({ weight: 10 })
    back()
    const weights = [peer('a').easedWeight]
    for (let i = 0; i < 11; i++) {
      clock.advance(SLOW / 10)
      registry.settle(clock.now())
      weights.push(Math.round(peer('a').easedWeight * 1000) / 1000)
    }
    expect(weights).toEqual([0.1, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 10])
  })

  it.each([
    [0, 10],
    [0.1, 91],
    [0.25, 200],
    [0.5, 333],
    [0.75, 429],
    [1, 500],
    [5, 500],
  ])('after %d of the time gives about %d of 1000 by round robin', (part, expected) => {
    const { back, share, clock } = returning()
    back()
    clock.advance(SLOW * part)
    expect(Math.abs(share(1000) - expected)).toBeLessThanOrEqual(2)
  })

  it('gives by least_conn in proportion, too, to what is in flight', () => {
    const { back, registry, clock, peer } = returning({}, { selector: leastConn() })
    back()
    clock.advance(SLOW / 4)
    for (let i = 0; i < 100; i++) open(registry).next()
    expect(peer('a').connections).toBe(20)
    clock.advance(SLOW)
    for (let i = 0; i < 100; i++) open(registry).next()
    expect(peer('a').connections).toBe(100)
  })

  it('does not bury a peer that is back under least_conn', () => {
    const { back, registry, peer } = returning({}, { selector: leastConn() })
    for (let i = 0; i < 20; i++) open(registry).next()?.release('ok')
    peer('a').down = true
    for (let i = 0; i < 50; i++) open(registry).next()
    back()
    for (let i = 0; i < 50; i++) open(registry).next()
    expect(peer('a').connections).toBeLessThanOrEqual(2)
  })

  it('begins again with each return, and after a mark', () => {
    const { registry, peer, clock } = returning()
    const session = open(registry)
    const lease = session.next()
    expect(lease?.peer.name).toBe('a')
    lease?.fail('error', 'connect')
    registry.proved(peer('a'))
    expect(peer('a').easedWeight).toBe(0.01)
    clock.advance(SLOW / 2)
    registry.settle(clock.now())
    expect(peer('a').easedWeight).toBe(0.5)
    peer('a').healthy = false
    peer('a').healthy = true
    expect(peer('a').easedWeight).toBe(0.01)
  })

  it('is not for a peer that was only full', () => {
    const { registry, peer } = group({ a: { slowStart: SLOW, maxConns: 1 }, b: {} })
    open(registry).next()
    expect(peer('a').live).toBe(false)
    registry.update(peer('a'), parametersFor(2, 5))
    expect(peer('a').easedWeight).toBe(2)
  })

  it('is not for the only peer', () => {
    const { peer } = group({ a: { slowStart: SLOW } })
    peer('a').down = true
    peer('a').down = false
    expect(peer('a').easedWeight).toBe(1)
  })

  it('takes a new weight while it runs, as much of it as of the old one', () => {
    const { back, registry, peer, clock } = returning({ weight: 10 })
    back()
    clock.advance(SLOW / 2)
    registry.settle(clock.now())
    registry.update(peer('a'), parametersFor(40))
    expect(peer('a').easedWeight).toBe(20)
    expect(peer('a').effectiveWeight).toBeLessThanOrEqual(20)
    clock.advance(SLOW / 4)
    registry.settle(clock.now())
    expect(peer('a').easedWeight).toBe(30)
    registry.update(peer('a'), parametersFor(4))
    expect(peer('a').easedWeight).toBe(3)
    clock.advance(SLOW)
    registry.settle(clock.now())
    expect(peer('a').easedWeight).toBe(4)
  })

  it('ends at once when it is turned off while it runs', () => {
    const { back, registry, peer, clock } = returning({ weight: 10 })
    back()
    registry.update(peer('a'), { ...parametersFor(10), slowStart: 0 })
    clock.advance(10)
    registry.settle(clock.now())
    expect(peer('a').easedWeight).toBe(10)
  })

  it('weight and all, is nothing odd when it is turned off in the moment it begins', () => {
    const easing = new Easing()
    const peer = makePeer({ slowStart: SLOW, weight: 5 })
    easing.begin(peer, 1000)
    peer.slowStart = 0
    expect(easing.step(1000)).toBe(Infinity)
    expect([peer.easedWeight, peer.effectiveWeight]).toEqual([5, 0.05])
  })

  it('is over with the removal, and the next step knows nothing of it', () => {
    const { back, registry, peer, clock } = returning()
    back()
    const gone = peer('a')
    registry.remove(gone)
    expect(gone.easedWeight).toBe(1)
    clock.advance(100)
    registry.settle(clock.now())
    expect(gone.easedWeight).toBe(1)
  })

  it('jumps to its end with the clock', () => {
    const { back, share, clock, peer } = returning({ weight: 3 })
    back()
    clock.advance(365 * 86_400_000)
    share(10)
    expect([peer('a').easedWeight, peer('a').effectiveWeight]).toEqual([3, 3])
  })

  it('a refund gives back no more weight than it has by now', () => {
    const { registry, peer } = returning({ weight: 10 })
    const lease = open(registry).next()
    lease?.fail('error', 'connect')
    registry.proved(peer('a'))
    lease?.refund()
    expect(peer('a').effectiveWeight).toBeLessThanOrEqual(peer('a').easedWeight)
  })

  it('is for peers that come, and for those of a new list that are in service again', () => {
    const { registry, peer } = returning()
    const c = registry.add({ ...entry('c'), parameters: parametersFor(1) })
    expect(c.easedWeight).toBe(0.01)
    registry.replace([
      { ...entry('a'), parameters: { ...parametersFor(1), down: true } },
      { ...entry('b'), parameters: parametersFor(1) },
    ])
    registry.replace([
      { ...entry('a'), parameters: parametersFor(1) },
      { ...entry('b'), parameters: parametersFor(1) },
      { ...entry('d'), parameters: parametersFor(1) },
    ])
    expect(registry.peers.map(({ easedWeight }) => easedWeight)).toEqual([0.01, 1, 0.01])
    expect(peer('a').live).toBe(true)
  })
})

function parametersFor(weight: number, maxConns = 0): PeerParameters {
  return {
    weight,
    maxConns,
    maxFails: 1,
    failTimeout: 10_000,
    backup: false,
    down: false,
    slowStart: SLOW,
  }
}

function entry(name: string) {
  return {
    address: { protocol: 'http:' as const, hostname: name, port: 80, socketPath: undefined, name },
  }
}
