import { describe, expect, it } from 'vitest'
import { selectorFromFunction } from '../../../src/selection/from-function.js'
import type { PeerSelector } from '../../../src/upstream/peer-selector.js'
import type { Lease } from '../../../src/upstream/peer-session.js'
import type { PeerState } from '../../../src/upstream/peer.js'
import { exhaust, group, makePeer, names, open } from './group.js'

const lease = (found: Lease | undefined): Lease => {
  if (found === undefined) throw new Error('no lease')
  return found
}

/** Fails a peer as an attempt of somebody else would. */
function mark(registry: ReturnType<typeof group>['registry'], ...peers: PeerState[]): void {
  for (const peer of peers) registry.failed(peer, 'error', 'connect')
}

describe('PeerSession: the order', () => {
  it('primaries, then backups, none twice', () => {
    const { registry } = group({ a: {}, x: { backup: true }, b: {}, y: { backup: true } })
    expect(names(exhaust(open(registry)))).toEqual(['a', 'b', 'x', 'y'])
  })

  it('least bad comes last: the fewest failures, then the longest ago, primaries first', () => {
    const { registry, clock, peer } = group({
      x: { backup: true },
      a: {},
      b: {},
      c: {},
      live: { backup: true },
    })
    mark(registry, peer('x'), peer('b'), peer('b'))
    clock.advance(10)
    mark(registry, peer('c'))
    clock.advance(10)
    mark(registry, peer('a'))
    expect(names(exhaust(open(registry)))).toEqual(['live', 'c', 'a', 'b', 'x'])
  })

  it('a request that has come to the backups stays with them while one is live', () => {
    const { registry, peer } = group({ a: {}, x: { backup: true }, y: { backup: true } })
    mark(registry, peer('a'))
    const session = open(registry)
    expect(lease(session.next()).peer.name).toBe('x')
    registry.proved(peer('a'))
    expect(lease(session.next()).peer.name).toBe('y')
    expect(lease(session.next()).peer.name).toBe('a')
  })

  it('never a peer that is down, draining or full', () => {
    const { registry, peer } = group({
      down: { down: true },
      draining: {},
      full: { maxConns: 1 },
      a: {},
    })
    peer('draining').draining = true
    registry.taken(peer('full'), 0)
    mark(registry, peer('down'), peer('draining'), peer('full'))
    expect(names(exhaust(open(registry)))).toEqual(['a'])
    expect(open(registry).outlook()).toBe('live')
    mark(registry, peer('a'))
    expect(names(exhaust(open(registry)))).toEqual(['a'])
  })

  it.each(['wait', 'fail'] as const)('whenNoneLive %s gives no marked peer', (whenNoneLive) => {
    const { registry, peer } = group({ a: {}, b: {} }, { whenNoneLive })
    mark(registry, peer('a'))
    expect(names(exhaust(open(registry)))).toEqual(['b'])
    mark(registry, peer('b'))
    expect(open(registry).next()).toBeUndefined()
  })

  it('may begin anew after a wait', () => {
    const { registry } = group({ a: {}, x: { backup: true } })
    const session = open(registry)
    expect(names(exhaust(session))).toEqual(['a', 'x'])
    session.forgetTried()
    expect(names(exhaust(session))).toEqual(['a', 'x'])
  })

  it('nginx: the only server is given again and again', () => {
    const { registry } = group({ a: {} }, { nginx: true, whenNoneLive: 'fail' })
    const session = open(registry)
    for (let i = 0; i < 3; i++) expect(lease(session.next()).peer.name).toBe('a')
  })

  it('nginx: one primary with a backup is not the only server', () => {
    const { registry } = group(
      { a: {}, x: { backup: true } },
      { nginx: true, whenNoneLive: 'fail' },
    )
    expect(names(exhaust(open(registry)))).toEqual(['a', 'x'])
  })
})

describe('PeerSession: the outlook', () => {
  it('is live, marked or none', () => {
    const { registry, peer } = group({ a: {}, b: {} })
    const session = open(registry)
    expect(session.outlook()).toBe('live')
    mark(registry, peer('a'), peer('b'))
    expect(session.outlook()).toBe('marked')
    exhaust(session)
    expect(session.outlook()).toBe('none')
  })

  it.each(['wait', 'fail'] as const)('is none for a marked peer with %s', (whenNoneLive) => {
    const { registry, peer } = group({ a: {} }, { whenNoneLive })
    mark(registry, peer('a'))
    expect(open(registry).outlook()).toBe('none')
  })

  it('sees a backup, and a mark that has run out', () => {
    const { registry, clock, peer } = group(
      { a: {}, x: { backup: true } },
      { whenNoneLive: 'fail' },
    )
    mark(registry, peer('a'))
    const session = open(registry)
    expect(session.outlook()).toBe('live')
    expect(lease(session.next()).peer.name).toBe('x')
    expect(session.outlook()).toBe('none')
    clock.advance(10_000)
    expect(open(registry).outlook()).toBe('live')
  })

  it('takes nothing', () => {
    const { registry, peer } = group({ a: {} })
    open(registry).outlook()
    expect(peer('a').connections).toBe(0)
  })
})

describe('PeerSession: busy', () => {
  it('is when every peer in service is full', () => {
    const { registry, peer } = group({ a: { maxConns: 1 }, d: { down: true } })
    const session = open(registry)
    expect(session.allBusy()).toBe(false)
    peer('a').connections = 1
    expect(session.allBusy()).toBe(true)
  })

  it('is not when no peer is in service', () => {
    const { registry } = group({ d: { down: true } })
    expect(open(registry).allBusy()).toBe(false)
  })
})

describe('PeerSession with a selector that does as it likes', () => {
  const handsOut = (pick: () => PeerState | undefined): PeerSelector => ({
    name: 'odd',
    begin: () => ({ pick }),
  })

  it('does not take a peer of another upstream', () => {
    const stranger = makePeer()
    const { registry } = group(
      { a: {} },
      { selector: handsOut(() => stranger), whenNoneLive: 'fail' },
    )
    expect(open(registry).next()).toBeUndefined()
    expect(stranger.connections).toBe(0)
  })

  it('does not take one twice, nor one that is down', () => {
    const peers: PeerState[] = []
    const { registry, peer } = group(
      { a: {}, d: { down: true } },
      { selector: handsOut(() => peers[0]), whenNoneLive: 'fail' },
    )
    peers[0] = peer('d')
    expect(open(registry).next()).toBeUndefined()
    peers[0] = peer('a')
    expect(names(exhaust(open(registry)))).toEqual(['a'])
  })

  it('a function is asked with the eligible peers of a tier, and corrected', () => {
    const asked: string[][] = []
    const { registry, peer } = group(
      { a: {}, b: {}, x: { backup: true } },
      {
        selector: selectorFromFunction((peers) => {
          asked.push(peers.map(({ name }) => name))
          return asked.length === 1 ? peers[1] : asked.length === 2 ? peer('x') : undefined
        }),
      },
    )
    expect(names(exhaust(open(registry)))).toEqual(['b', 'a', 'x'])
    expect(asked).toEqual([['a', 'b'], ['a'], ['x']])
  })
})

describe('Lease', () => {
  it('holds a connection until it is released, once', () => {
    const { registry, peer } = group({ a: {} })
    const one = lease(open(registry).next())
    const two = lease(open(registry).next())
    expect(peer('a').connections).toBe(2)
    one.release('ok')
    one.release('ok')
    one.release('failed')
    expect(peer('a').connections).toBe(1)
    two.release('next')
    expect(peer('a').connections).toBe(0)
  })

  it('charges once, and refunds once', () => {
    const { registry, peer, log } = group({ a: { maxFails: 2 } })
    const one = lease(open(registry).next())
    one.fail('error', 'connect')
    one.fail('error', 'connect')
    expect(peer('a').fails).toBe(1)
    one.refund()
    one.refund()
    expect(peer('a').fails).toBe(0)
    expect(log).toEqual([])
  })

  it('refunds nothing where nothing was charged', () => {
    const { registry, peer } = group({ a: {} })
    mark(registry, peer('a'))
    lease(open(registry).next()).refund()
    expect(peer('a').fails).toBe(1)
  })
})

describe('PeerRegistry', () => {
  it('tells its observers of marks and returns, with reason and step', () => {
    const { registry, peer, log } = group({ a: {}, b: {} })
    registry.failed(peer('a'), 'timeout', 'answer')
    registry.failed(peer('a'), 'timeout', 'answer')
    registry.answered(peer('a'), { reusedConnection: false, good: true, takenAt: 0 })
    registry.failed(peer('b'), 'status', 'answer')
    registry.proved(peer('b'))
    registry.proved(peer('b'))
    const charge = registry.failed(peer('a'), 'error', 'connect')
    registry.refund(peer('a'), charge)
    expect(log).toEqual([
      'a ejected: timeout at answer',
      'a returned: answered',
      'b ejected: status at answer',
      'b returned: probe',
      'a ejected: error at connect',
      'a returned: refund',
    ])
  })

  it('has a status for every peer: down before draining before ejected before full', () => {
    const { registry, peer } = group({ a: { maxConns: 1 } })
    const a = peer('a')
    expect(registry.status(a)).toBe('up')
    a.connections = 1
    expect(registry.status(a)).toBe('full')
    mark(registry, a)
    expect(registry.status(a)).toBe('ejected')
    a.draining = true
    expect(registry.status(a)).toBe('draining')
    a.down = true
    expect(registry.status(a)).toBe('down')
  })

  it('offers a place that is free to the eldest who waits, and a peer that is back to all', () => {
    const { registry, peer } = group({ a: { maxConns: 1 } }, { whenNoneLive: 'wait' })
    const log: string[] = []
    const one = lease(open(registry).next())
    for (const name of ['1', '2', '3']) {
      const session = open(registry)
      const offer = (): boolean => {
        const taken = session.next()
        if (taken !== undefined) log.push(name)
        return taken !== undefined
      }
      registry.queue.join({ offer, timedOut: () => log.push('timeout') }, 10_000)
    }
    one.release('ok')
    expect(log).toEqual(['1'])
    mark(registry, peer('a'))
    registry.proved(peer('a'))
    expect(log).toEqual(['1'])
    registry.update(peer('a'), {
      weight: 1,
      maxConns: 3,
      maxFails: 1,
      failTimeout: 10_000,
      backup: false,
      down: false,
    })
    expect(log).toEqual(['1', '2', '3'])
  })

  it('offers nothing when a peer without limit is released', () => {
    const { registry } = group({ a: {} }, { whenNoneLive: 'wait' })
    registry.queue.join({ offer: () => expect.unreachable(), timedOut: () => undefined }, 1000)
    lease(open(registry).next()).release('ok')
    expect(registry.queue.length).toBe(1)
  })

  it('offers what time alone brings back as soon as somebody looks', () => {
    const { registry, peer, clock } = group({ a: {} }, { whenNoneLive: 'wait' })
    mark(registry, peer('a'))
    let taken = 0
    const session = open(registry)
    const offer = (): boolean => session.next() !== undefined && ++taken > 0
    registry.queue.join({ offer, timedOut: () => undefined }, 60_000)
    clock.advance(9_999)
    expect(taken).toBe(0)
    clock.advance(1)
    // Whoever comes now finds it gone: the one that waits was first, and one is let through.
    expect(open(registry).next()).toBeUndefined()
    expect(taken).toBe(1)
  })

  it('waits for a good peer that is full rather than that it tries a marked one', () => {
    const { registry, peer } = group({ a: { maxConns: 1 }, b: {} }, { whenFull: 'wait' })
    mark(registry, peer('b'))
    const one = lease(open(registry).next())
    expect(one.peer.name).toBe('a')
    const session = open(registry)
    expect(session.hope()).toBe('place')
    expect(session.outlook()).toBe('none')
    expect(session.next()).toBeUndefined()
    peer('a').down = true
    expect(session.hope()).toBe('none')
    expect(session.next()?.peer.name).toBe('b')
  })

  it.each([
    ['try', 'wait', {}, 'place'],
    ['fail', 'wait', {}, 'place'],
    ['wait', 'refuse', {}, 'place'],
    ['try', 'refuse', {}, 'none'],
    ['try', 'wait', { marked: true }, 'place'],
    ['fail', 'wait', { marked: true }, 'none'],
    ['wait', 'wait', { marked: true }, 'return'],
    ['try', 'wait', { down: true }, 'none'],
    ['wait', 'wait', { down: true }, 'return'],
  ] as const)('%s, %s, a full peer %j: hope for %s', (whenNoneLive, whenFull, state, hope) => {
    const { registry, peer } = group({ a: { maxConns: 1 } }, { whenNoneLive, whenFull })
    lease(open(registry).next())
    if ('marked' in state) mark(registry, peer('a'))
    if ('down' in state) peer('a').down = true
    expect(open(registry).hope()).toBe(hope)
  })

  it('counts the weights of all peers by tier, as nginx does: one that is down moves no key', () => {
    const { registry } = group({
      a: { weight: 2 },
      b: { weight: 3 },
      d: { weight: 7, down: true },
      x: { weight: 5, backup: true },
    })
    expect(registry.tiers.map(({ totalWeight }) => totalWeight)).toEqual([12, 5])
  })

  it('knows its own peers only', () => {
    const { registry, peer } = group({ a: {} })
    expect(registry.stateOf(peer('a'))).toBe(peer('a'))
    expect(registry.stateOf(makePeer())).toBeUndefined()
    registry.proved(makePeer())
  })
})
