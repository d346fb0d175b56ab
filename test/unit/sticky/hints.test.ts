import { describe, expect, it } from 'vitest'
import { PeerSession } from '../../../src/upstream/peer-session.js'
import { request } from '../upstream/group.js'
import { rig } from './rig.js'
import type { StickyRig } from './rig.js'

const byHeader = { route: [{ header: 'x-peer' }] } as const
const three = { a: { labels: { route: 'a' } }, b: { labels: { route: 'b' } }, c: {} }
const to = (name: string): Record<string, string> => ({ 'x-peer': name })

function session(rig: StickyRig, name: string): PeerSession {
  return new PeerSession(rig.registry, { ...request, headers: to(name) })
}

describe('a hint never overrides health', () => {
  it.each([
    ['marked', (made: StickyRig) => void made.registry.failed(made.peer('b'), 'error', 'connect')],
    ['unhealthy', (made: StickyRig) => (made.peer('b').healthy = false)],
    ['down', (made: StickyRig) => (made.peer('b').down = true)],
    ['full', (made: StickyRig) => made.registry.taken(made.peer('b'), 0)],
    [
      'draining and unhealthy',
      (made: StickyRig) => {
        made.peer('b').draining = true
        made.peer('b').healthy = false
      },
    ],
    [
      'draining and down',
      (made: StickyRig) => {
        made.peer('b').draining = true
        made.peer('b').down = true
      },
    ],
    [
      'draining and full',
      (made: StickyRig) => {
        made.peer('b').draining = true
        made.registry.taken(made.peer('b'), 0)
      },
    ],
    ['gone', (made: StickyRig) => made.registry.remove(made.peer('b'))],
  ])('%s', (_why, spoil) => {
    const made = rig(byHeader, { ...three, b: { ...three.b, maxConns: 1 } })
    expect(made.tried(to('b'))).toEqual(['b'])
    spoil(made)
    expect(made.tried(to('b'))).not.toContain('b')
    expect(made.tried(to('b'), '/', 5).slice(0, 2).sort()).toEqual(['a', 'c'])
  })

  it('tried already', () => {
    expect(rig(byHeader, three).tried(to('b'), '/', 5)).toEqual(['b', 'a', 'c'])
  })

  it('a hint that is not said by the upstream either', () => {
    const other = rig(byHeader, three)
    const made = rig({ cookie: {} }, three, {})
    made.sticky.hinted = () => other.peer('b')
    expect(made.tried()).toEqual(['a'])
    made.sticky.hinted = () => Object.assign({}, made.peer('b'))
    expect(made.tried()).toEqual(['b'])
    expect(made.tried()).toEqual(['c'])
  })
})

describe('a peer that is draining', () => {
  it('keeps its sessions and gets no new ones', () => {
    const made = rig(byHeader, three)
    made.peer('b').draining = true
    expect(made.tried(to('b'))).toEqual(['b'])
    expect([1, 2, 3, 4].flatMap(() => made.tried())).toEqual(['a', 'c', 'a', 'c'])
  })

  it('is something to hope for, but for its own requests only', () => {
    const made = rig(byHeader, three, { whenNoneLive: 'wait' })
    made.peer('a').down = true
    made.peer('c').down = true
    made.peer('b').draining = true
    expect(session(made, 'b').outlook()).toBe('live')
    expect(session(made, 'x').outlook()).toBe('none')
    const own = session(made, 'b')
    expect(own.next()?.peer.name).toBe('b')
    expect(own.outlook()).toBe('none')
    expect(own.next()).toBeUndefined()
  })

  it('takes its sessions while it panics, as any other', () => {
    const made = rig(byHeader, three, { panicThreshold: 50 })
    made.peer('b').draining = true
    for (const name of ['a', 'b', 'c']) made.registry.failed(made.peer(name), 'error', 'connect')
    expect(made.tried(to('b'))).toEqual(['b'])
  })
})

describe('before the algorithm', () => {
  it('a backup keeps its sessions when the primaries are back; its failure leads to them', () => {
    const made = rig(byHeader, { a: {}, c: {}, b: { backup: true, labels: { route: 'b' } } })
    expect(made.tried(to('b'), '/', 3)).toEqual(['b', 'a', 'c'])
  })

  it('hinted requests leave the weights of the others alone', () => {
    const made = rig(byHeader, three)
    const dealt: string[] = []
    for (let i = 0; i < 6; i++) {
      made.tried(to('b'))
      made.tried(to('b'))
      dealt.push(...made.tried())
    }
    expect(dealt).toEqual(['a', 'b', 'c', 'a', 'b', 'c'])
  })

  it('the hint stands again after a wait, and as long as its peer has not been tried', () => {
    const made = rig(byHeader, { ...three, b: { ...three.b, maxConns: 1 } })
    const [full] = [session(made, 'x'), session(made, 'x')].map((one) => one.next())
    const [b] = [session(made, 'b').next()]
    expect(full?.peer.name).toBe('a')
    const waiting = session(made, 'b')
    expect(waiting.next()?.peer.name).not.toBe('b')
    b?.release('ok')
    made.registry.freed(made.peer('b'), 'ok')
    expect(waiting.next()?.peer.name).toBe('b')
    waiting.forgetTried()
    expect(waiting.next()?.peer.name).not.toBe('b')
    made.registry.freed(made.peer('b'), 'ok')
    expect(waiting.next()?.peer.name).toBe('b')
  })
})
