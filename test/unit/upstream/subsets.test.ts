import { describe, expect, it, test } from 'vitest'
import type { PeerSelector } from '../../../src/upstream/peer-selector.js'
import { PeerSession } from '../../../src/upstream/peer-session.js'
import { Subsets } from '../../../src/upstream/subsets.js'
import type { SubsetSettings, WantedLabels } from '../../../src/upstream/subsets.js'
import { exhaust, group, names, request } from './group.js'
import type { GroupOptions } from './group.js'

const v = (version: string, more: object = {}): object => ({
  labels: { version, zone: 'z' },
  ...more,
})
const peers = { a: v('1'), b: v('2'), c: v('1'), d: v('2'), x: v('2', { backup: true }), y: {} }

function cut(
  given: Parameters<typeof group>[0] = peers,
  fallback: SubsetSettings['fallback'] = 'none',
  settings: GroupOptions = {},
): ReturnType<typeof group> & {
  session(wanted?: unknown): PeerSession
  all(wanted?: unknown): string
} {
  let now: WantedLabels | undefined
  const made = group(given, { subset: { of: () => now, fallback }, ...settings })
  const session = (wanted?: unknown): PeerSession => {
    now = wanted as WantedLabels | undefined
    return new PeerSession(made.registry, request)
  }
  return {
    ...made,
    session,
    all(wanted) {
      const leases = exhaust(session(wanted))
      for (const lease of leases) lease.release('ok')
      return names(leases).join(' ')
    },
  }
}

describe('who comes into question', () => {
  test.each([
    [undefined, 'a b c d y x'],
    [{}, 'a b c d y x'],
    [null, 'a b c d y x'],
    [{ version: undefined }, 'a b c d y x'],
    [{ version: '2' }, 'b d x'],
    [{ zone: 'z', version: '1' }, 'a c'],
    [{ version: '1', zone: undefined }, 'a c'],
    [{ version: '3' }, ''],
    [{ version: '1', zone: 'other' }, ''],
    [{ other: '1' }, ''],
    [{ version: 2 }, ''],
    [{ version: ['2', '1'] }, ''],
    [{ version: '' }, ''],
    [{ constructor: 'x', version: '1' }, ''],
    [JSON.parse('{"__proto__": "1"}'), ''],
  ])('%j', (wanted, expected) => {
    expect(cut().all(wanted)).toBe(expected)
  })

  it('a label and a name that run into each other are not taken for others', () => {
    const given = { a: { labels: { k: 'v', l: 'w' } }, b: { labels: { k: 'v' } } }
    expect(cut(given).all({ k: 'v\0l\0w' })).toBe('')
    expect(cut(given).all({ l: 'w', k: 'v' })).toBe('a')
  })

  it('a selector that hands out others is not listened to', () => {
    const stubborn: PeerSelector = {
      name: 'stubborn',
      begin: () => ({ pick: () => made.peer('a') }),
    }
    const made = cut(peers, 'none', { selector: stubborn, whenNoneLive: 'fail' })
    expect(made.session({ version: '2' }).next()).toBeUndefined()
    expect(made.session({ version: '1' }).next()?.peer.name).toBe('a')
  })
})

describe('when none of them can be used', () => {
  it("'none': nobody else is asked, whatever whenNoneLive says; of its own the least bad is", () => {
    const made = cut()
    for (const name of ['a', 'c']) made.registry.failed(made.peer(name), 'error', 'connect')
    expect(made.session({ version: '1' }).outlook()).toBe('marked')
    expect(made.all({ version: '1' })).toBe('a c')
    expect(made.session({ version: '9' }).outlook()).toBe('none')
    expect(made.session({ version: '9' }).next()).toBeUndefined()
    made.peer('a').down = true
    made.peer('c').down = true
    expect(made.session({ version: '1' }).outlook()).toBe('none')
    expect(made.all({ version: '1' })).toBe('')
  })

  it("'any': then anybody who is live, before the marked ones of the subset", () => {
    const made = cut(peers, 'any')
    expect(made.all({ version: '9' })).toBe('a b c d y x')
    const wanted = { version: '1' }
    made.registry.failed(made.peer('a'), 'error', 'connect')
    expect(made.all(wanted).split(' ')[0]).toBe('c')
    made.registry.failed(made.peer('c'), 'error', 'connect')
    expect(made.session(wanted).outlook()).toBe('live')
    expect(made.all(wanted).split(' ').slice(-2).sort()).toEqual(['a', 'c'])
    for (const each of ['b', 'd', 'x', 'y']) made.peer(each).down = true
    expect(made.session(wanted).outlook()).toBe('marked')
  })

  it('labels: those and nobody else', () => {
    const made = cut(peers, { version: '2' })
    expect(made.all({ version: '1' })).toBe('a c b d x')
    expect(made.all({ version: '9' }).split(' ').sort()).toEqual(['b', 'd', 'x'])
    expect(cut(peers, { version: '8' }).all({ version: '9' })).toBe('')
  })

  it('the others begin with their primaries, though the subset had come to its backups', () => {
    const made = cut({ x: v('2', { backup: true }), a: v('1') }, 'any')
    expect(made.all({ version: '2' })).toBe('x a')
  })

  it('allBusy speaks of those that come into question', () => {
    const made = cut({ a: v('1', { maxConns: 1 }), b: v('2') })
    const lease = made.session({ version: '1' }).next()
    expect(lease?.peer.name).toBe('a')
    expect(made.session({ version: '1' }).allBusy()).toBe(true)
    expect(made.session({ version: '2' }).allBusy()).toBe(false)
    expect(made.session({ version: '3' }).allBusy()).toBe(false)
  })

  it('a place that the first of those who wait may not have goes to the next', () => {
    const made = cut({ a: v('1', { maxConns: 1 }), b: v('2', { maxConns: 1 }) }, undefined, {
      whenFull: 'wait',
    })
    const lease = made.session({ version: '2' }).next()
    made.session({ version: '1' }).next()
    const served: string[] = []
    for (const version of ['1', '2']) {
      const session = made.session({ version })
      expect(session.hope()).toBe('place')
      const offer = (): boolean => session.next() !== undefined && served.push(version) > 0
      made.registry.queue.join({ offer, timedOut: () => undefined }, 1000)
    }
    lease?.release('ok')
    expect(served).toEqual(['2'])
    expect(made.registry.queue.length).toBe(1)
  })

  it('nobody waits for a place in another subset', () => {
    const made = cut({ a: v('1', { maxConns: 1 }), b: v('2') }, undefined, { whenFull: 'wait' })
    made.session({ version: '1' }).next()
    expect(made.session({ version: '1' }).hope()).toBe('place')
    expect(made.session({ version: '2' }).hope()).toBe('none')
  })
})

describe('a hint', () => {
  it('does not lead out of the subset, but to its peer among those who stand in', () => {
    const hintTo = (name: string) => ({
      hinted: () => made.peer(name),
    })
    const sticky = { hinted: () => made.peer('d') }
    let made = cut(peers, 'none', { sticky })
    expect(made.all({ version: '2' })).toBe('d b x')
    expect(made.session({ version: '1' }).next()?.peer.name).toBe('a')
    expect(made.all({ version: '9' })).toBe('')
    made = cut(peers, 'any', { sticky: hintTo('d') })
    expect(made.session({ version: '1' }).next()?.peer.name).toBe('a')
    expect(made.session({ version: '9' }).next()?.peer.name).toBe('d')
  })

  it('to a draining peer of another subset is no outlook', () => {
    const made = cut({ a: v('1'), d: v('2') }, 'none', {
      sticky: { hinted: () => made.peer('d') },
      whenNoneLive: 'wait',
    })
    made.peer('d').draining = true
    expect(made.session({ version: '2' }).outlook()).toBe('live')
    made.peer('a').down = true
    expect(made.session({ version: '1' }).outlook()).toBe('none')
  })
})

describe('localities within a subset', () => {
  it('are preferred there, too', () => {
    const given = {
      a: v('1', { locality: 'far' }),
      b: v('2', { locality: 'far' }),
      c: v('2', { locality: 'here' }),
      d: v('1', { locality: 'here' }),
    }
    const locality = { own: 'here', overprovisioning: 1.4, minimum: 1 }
    const made = cut(given, 'any', { locality })
    expect(made.all({ version: '2' })).toBe('c b d a')
    made.peer('c').down = true
    expect(made.session({ version: '2' }).next()?.peer.name).toBe('b')
  })
})

describe('groups', () => {
  function subsets(count: number): { cut: Subsets; made: ReturnType<typeof group> } {
    const given = Object.fromEntries(
      Array.from({ length: count }, (_, i) => [`p${i}`, { labels: { id: `${i}`, all: 'yes' } }]),
    )
    const made = group(given)
    return {
      made,
      cut: new Subsets({ of: () => undefined, fallback: 'none' }, made.registry, undefined),
    }
  }

  it('stay the same objects while peers come and go, and follow them', () => {
    const { made, cut } = subsets(3)
    const [before] = cut.scopeOf({ all: 'yes' }).tiers
    const version = before?.version
    made.peer('p1').down = true
    expect(before?.live.map(({ name }) => name)).toEqual(['p0', 'p2'])
    made.registry.remove(made.peer('p0'))
    made.peer('p1').down = false
    const [after] = cut.scopeOf({ all: 'yes' }).tiers
    expect(after).toBe(before)
    expect(after?.version).not.toBe(version)
    expect(after?.live.map(({ name }) => name)).toEqual(['p1', 'p2'])
    expect(after?.peers.map(({ name }) => name)).toEqual(['p1', 'p2'])
  })

  it('are made for no more than 128 subsets at a time; those not asked for go first', () => {
    const { made, cut } = subsets(300)
    const first = cut.scopeOf({ id: '0' })
    const listings = (): number =>
      made.registry.peers.reduce((sum, peer) => sum + peer.listings.length - 1, 0)
    for (let i = 1; i < 300; i++) {
      cut.scopeOf({ id: `${i}` })
      cut.scopeOf({ id: '0' })
    }
    expect(listings()).toBe(128)
    expect(cut.scopeOf({ id: '0' })).toBe(first)
    expect(made.peer('p1').listings).toHaveLength(1)
    const again = cut.scopeOf({ id: '1' }).tiers[0]
    made.peer('p1').down = true
    expect(again?.live).toEqual([])
  })

  it('are not made for subsets that nobody is in', () => {
    const { made, cut } = subsets(200)
    for (let i = 0; i < 1000; i++) {
      expect(cut.scopeOf({ id: `made up ${i}` }).peers).toEqual([])
      expect(cut.scopeOf({ id: `${i % 200}`, all: 'no' }).peers).toEqual([])
    }
    expect(made.registry.peers.every((peer) => peer.listings.length === 1)).toBe(true)
  })

  it('a combination of labels that has lost its last peer is gone', () => {
    const made = group({
      a: { labels: { k: '1', l: '1' } },
      b: { labels: { k: '1' } },
      c: { labels: { l: '1' } },
    })
    const cut = new Subsets({ of: () => undefined, fallback: 'none' }, made.registry, undefined)
    expect(cut.scopeOf({ k: '1', l: '1' }).peers.map(({ name }) => name)).toEqual(['a'])
    made.registry.remove(made.peer('a'))
    expect(cut.scopeOf({ k: '1', l: '1' }).peers).toEqual([])
    expect(cut.scopeOf({ l: '1', k: '1' }).tiers).toEqual([])
  })
})
