/** Peers that come, go and change while requests run. */
import { describe, expect, it } from 'vitest'
import type { PeerParameters } from '../../../src/upstream/peer.js'
import type { PeerEntry } from '../../../src/upstream/membership.js'
import { exhaust, group, names, open, queueUp } from './group.js'
import { outlierGroup } from './outlier-group.js'

const standard: PeerParameters = {
  weight: 1,
  maxConns: 0,
  maxFails: 1,
  failTimeout: 10_000,
  backup: false,
  down: false,
}
const entry = (name: string, given: Partial<PeerParameters> = {}): PeerEntry => ({
  address: { protocol: 'http:', hostname: name, port: 80, socketPath: undefined, name },
  parameters: { ...standard, ...given },
})

/** What the observers are told, besides marks. */
function watch(registry: ReturnType<typeof group>['registry']): string[] {
  const told: string[] = []
  registry.observers.add({
    ejected: (peer, reason, _step, until) =>
      told.push(`${peer.name} ejected ${reason} ${String(until - registry.clock.now())}`),
    returned: (peer, reason) => told.push(`${peer.name} returned ${reason}`),
    joined: (peer) => told.push(`${peer.name} joined`),
    left: (peer) => told.push(`${peer.name} left`),
    changed: (peer) => told.push(`${peer.name} changed`),
  })
  return told
}

describe('a peer that is gone', () => {
  it('is not marked by what it still had in flight, so that nobody probes it', () => {
    const { registry, peer } = group({ a: {}, b: {} })
    const lease = open(registry).next()
    const told = watch(registry)
    const gone = peer('a')
    registry.remove(gone)
    lease?.fail('error', 'connect')
    lease?.release('failed')
    registry.proved(gone)
    gone.healthy = false
    gone.healthy = true
    gone.draining = true
    expect(told).toEqual(['a left'])
    expect([gone.connections, gone.live]).toEqual([0, false])
  })

  it('is gone while it is marked, and time does not bring it back', () => {
    const { registry, peer, clock } = group({ a: {}, b: {} })
    open(registry).next()?.fail('error', 'connect')
    const gone = peer('a')
    registry.remove(gone)
    const told = watch(registry)
    clock.advance(100_000)
    registry.settle(clock.now())
    expect([told, gone.live]).toEqual([[], false])
    expect(names(exhaust(open(registry)))).toEqual(['b'])
  })

  it('comes back as a stranger', () => {
    const { registry, peer } = group({ a: {}, b: {} })
    open(registry).next()?.fail('error', 'connect')
    const gone = peer('a')
    registry.remove(gone)
    const again = registry.add(entry('a'))
    expect(again).not.toBe(gone)
    expect([registry.status(again), registry.stateOf(gone)]).toEqual(['up', undefined])
  })
})

describe('another list', () => {
  it('tells who has come, gone and changed, and nobody else', () => {
    const { registry } = group({ a: {}, b: {}, c: { labels: { zone: '1' } } })
    const told = watch(registry)
    registry.replace([entry('c', { labels: { zone: '1' } }), entry('a', { weight: 2 }), entry('d')])
    expect(told).toEqual(['a changed', 'b left', 'd joined'])
    expect(registry.peers.map(({ name, index }) => `${name}${String(index)}`)).toEqual([
      'c0',
      'a1',
      'd2',
    ])
  })

  it.each<[string, Partial<PeerParameters>]>([
    ['maxConns', { maxConns: 5 }],
    ['maxFails', { maxFails: 5 }],
    ['failTimeout', { failTimeout: 5 }],
    ['slowStart', { slowStart: 5 }],
    ['tier', { tier: 1 }],
    ['backup', { backup: true }],
    ['locality', { locality: 'x' }],
    ['labels', { labels: { x: 'y' } }],
    ['down', { down: true }],
    ['drain', { drain: true }],
  ])('with another %s is a change', (_name, given) => {
    const { registry } = group({ a: {}, b: {} })
    const told = watch(registry)
    registry.replace([entry('a'), entry('b', given)])
    expect(told).toEqual(['b changed'])
    told.length = 0
    registry.replace([entry('a'), entry('b', given)])
    expect(told).toEqual([])
    registry.replace([entry('a'), entry('b')])
    expect(told).toEqual(['b changed'])
  })

  it('may name an address twice: there are two peers, and one is left of them', () => {
    const { registry } = group({ a: {} })
    const [first] = registry.peers
    open(registry).next()
    registry.replace([entry('a', { weight: 2 }), entry('a', { weight: 3 })])
    expect(registry.peers[0]).toBe(first)
    expect(registry.peers.map(({ weight, connections }) => [weight, connections])).toEqual([
      [2, 1],
      [3, 0],
    ])
    registry.replace([entry('a')])
    expect(registry.peers).toEqual([first])
    expect(first?.connections).toBe(1)
  })

  it('keeps marks, and what is in flight', () => {
    const { registry, peer, clock } = group({ a: {}, b: {} })
    open(registry).next()?.fail('error', 'connect')
    registry.replace([entry('c'), entry('a'), entry('b')])
    expect(registry.status(peer('a'))).toBe('ejected')
    expect(peer('a').connections).toBe(1)
    clock.advance(10_000)
    expect(registry.status(peer('a'))).toBe('up')
    expect(registry.tiers[0]?.live.map(({ name }) => name)).toEqual(['c', 'a', 'b'])
  })
})

describe('an update', () => {
  it('that drains a full peer, and one that ends it again', () => {
    const { registry, peer } = group({ a: { maxConns: 1 }, b: {} })
    const lease = open(registry).next()
    registry.update(peer('a'), { ...standard, maxConns: 1, drain: true })
    expect(registry.status(peer('a'))).toBe('draining')
    lease?.release('ok')
    expect(peer('a').live).toBe(false)
    registry.update(peer('a'), { ...standard, maxConns: 1 })
    expect(registry.tiers[0]?.live.map(({ name }) => name)).toEqual(['a', 'b'])
  })

  it('of maxConns below what is in flight closes the door until there is room', () => {
    const { registry, peer } = group({ a: {} }, { whenNoneLive: 'wait' })
    const leases = Array.from({ length: 3 }, () => open(registry).next())
    registry.update(peer('a'), { ...standard, maxConns: 2 })
    const outcomes: string[] = []
    queueUp(registry, outcomes)
    leases[0]?.release('ok')
    expect([peer('a').live, outcomes]).toEqual([false, []])
    leases[1]?.release('ok')
    expect([peer('a').live, outcomes]).toEqual([true, ['ready']])
  })

  it('to maxFails 0 ends a mark: such a peer has none', () => {
    const { registry, peer } = group({ a: {}, b: {} })
    open(registry).next()?.fail('error', 'connect')
    registry.update(peer('a'), { ...standard, maxFails: 0 })
    expect(registry.status(peer('a'))).toBe('up')
  })

  it('of the weight leaves as much lost as was lost', () => {
    const { registry, peer } = group({ a: { weight: 10, maxFails: 2 }, b: {} })
    open(registry).next()?.fail('error', 'connect')
    expect(peer('a').effectiveWeight).toBe(5)
    registry.update(peer('a'), { ...standard, weight: 20, maxFails: 2 })
    expect(peer('a').effectiveWeight).toBe(15)
    registry.update(peer('a'), { ...standard, weight: 3, maxFails: 2 })
    expect(peer('a').effectiveWeight).toBe(0)
  })
})

it('room at a marked peer wakes nobody: it would have to queue up again, behind the others', () => {
  const { registry } = group({ a: { maxConns: 1 }, b: { down: true } }, { whenNoneLive: 'wait' })
  const lease = open(registry).next()
  lease?.fail('error', 'connect')
  const outcomes: string[] = []
  queueUp(registry, outcomes)
  lease?.release('failed')
  expect(outcomes).toEqual([])
})

describe('a peer that has asked for rest', () => {
  it('gets nothing while another is live, and is no failure', () => {
    const { registry, peer, clock } = group({ a: {}, b: {} })
    const told = watch(registry)
    open(registry).next()?.rest(5000)
    expect(told).toEqual(['a ejected retry_after 5000'])
    expect(registry.status(peer('a'))).toBe('ejected')
    expect([peer('a').fails, peer('a').ledgers.status]).toEqual([0, 0])
    for (let i = 0; i < 10; i++) expect(open(registry).next()?.peer.name).toBe('b')
    clock.advance(4999)
    expect(registry.status(peer('a'))).toBe('ejected')
    clock.advance(1)
    expect(registry.status(peer('a'))).toBe('up')
    expect(told.at(-1)).toBe('a returned time')
    expect(told).toHaveLength(2)
  })

  it('is asked all the same when there is nobody else: the shortest rest first', () => {
    const { registry, peer } = group({ a: {}, b: {}, c: {} })
    registry.rest(peer('a'), 3000)
    registry.rest(peer('b'), 1000)
    registry.rest(peer('c'), 2000)
    expect(names(exhaust(open(registry)))).toEqual(['b', 'c', 'a'])
  })

  it('is asked before one that has failed', () => {
    const { registry, peer } = group({ a: {}, b: {} })
    open(registry).next()?.fail('error', 'connect')
    registry.rest(peer('b'), 3000)
    expect(open(registry).next()?.peer.name).toBe('b')
  })

  it('has the longest of its wishes, and tells of it once', () => {
    const { registry, peer, clock } = group({ a: {}, b: {} })
    const told = watch(registry)
    registry.rest(peer('a'), 1000)
    registry.rest(peer('a'), 3000)
    registry.rest(peer('a'), 2000)
    clock.advance(2999)
    expect(registry.status(peer('a'))).toBe('ejected')
    clock.advance(1)
    expect(registry.status(peer('a'))).toBe('up')
    expect(told).toEqual(['a ejected retry_after 1000', 'a returned time'])
  })

  it('has it also when a mark ends before, and the other way round', () => {
    const { registry, peer, clock } = group({ a: {}, b: {} })
    const told = watch(registry)
    const lease = open(registry).next()
    registry.rest(peer('a'), 3000)
    lease?.fail('error', 'answer')
    registry.proved(peer('a'))
    expect(registry.status(peer('a'))).toBe('ejected')
    clock.advance(3000)
    expect(registry.status(peer('a'))).toBe('up')
    expect(told).toEqual(['a ejected retry_after 3000', 'a ejected error 10000', 'a returned time'])
    told.length = 0
    open(registry).next()
    peer('a').failedStep = 'answer'
    registry.failed(peer('a'), 'error', 'answer')
    registry.rest(peer('a'), 1000)
    clock.advance(1000)
    expect(registry.status(peer('a'))).toBe('ejected')
    expect(told).toEqual(['a ejected error 10000'])
  })

  it('and whose rest is over is not back while a trial is due', () => {
    const { registry, peer, clock } = group({ a: {}, b: {} })
    const told = watch(registry)
    open(registry).next()?.fail('error', 'answer')
    registry.rest(peer('a'), 20_000)
    clock.advance(20_000)
    expect(registry.status(peer('a'))).toBe('up')
    expect(told).toEqual(['a ejected error 10000'])
    let lease = open(registry).next()
    while (lease?.peer.name !== 'a') lease = open(registry).next()
    expect(registry.status(peer('a'))).toBe('ejected')
    lease.answered(false, true)
    expect(told.at(-1)).toBe('a returned answered')
  })

  it('is told of as marked also where outlier detection has marked it for its rate', () => {
    const { registry, peer, clock, fail, log } = outlierGroup(
      { a: {}, b: {} },
      { consecutiveFailures: 0 },
    )
    for (let i = 0; i < 10; i++) fail('a')
    registry.rest(peer('a'), 5000)
    clock.advance(1000)
    expect(registry.status(peer('a'))).toBe('ejected')
    clock.advance(4000)
    expect(registry.status(peer('a'))).toBe('up')
    expect(log).toEqual(['a ejected: rate at answer', 'a returned: time'])
  })

  it('is gone when it is removed', () => {
    const { registry, peer } = group({ a: {}, b: {} })
    const gone = peer('a')
    registry.remove(gone)
    const told = watch(registry)
    registry.rest(gone, 1000)
    expect(told).toEqual([])
  })
})

describe('what other processes have in flight', () => {
  it('counts in the group as well as at the peer, and is taken out again', () => {
    const { registry, peer } = group({ a: {}, b: {} })
    const [tier] = registry.tiers
    open(registry).next()
    registry.busyElsewhere(peer('b'), 3)
    expect([peer('b').connections, tier?.inFlight]).toEqual([3, 4])
    registry.busyElsewhere(peer('b'), 1)
    expect([peer('b').connections, tier?.inFlight]).toEqual([1, 2])
  })
})
