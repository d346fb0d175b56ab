/** `least_time` and `peak_ewma`: what times do to the choice. */
import { describe, expect, it } from 'vitest'
import { makeSelector } from '../../../src/selection/index.js'
import type { SelectorSettings } from '../../../src/selection/index.js'
import type { Lease } from '../../../src/upstream/peer-session.js'
import type { PeerParameters } from '../../../src/upstream/peer.js'
import { group, open } from '../upstream/group.js'

const LEAST_TIME = { name: 'least_time', time: 'header', inflight: false } as const

function stage(
  settings: SelectorSettings,
  peers: Readonly<Record<string, Partial<PeerParameters>>> = { a: {}, b: {} },
  random: () => number = () => 0,
) {
  let at = 0
  const selector = makeSelector(settings, { random, now: () => 1_000_000 + at })
  const { registry, clock, peer } = group(peers, { selector, at: 1_000_000 })
  const pass = (ms: number): void => {
    clock.advance(ms)
    at += ms
  }
  const take = (): Lease => open(registry).next()!
  const answer = (lease: Lease, outcome: 'ok' | 'next' = 'ok', rest = 0): void => {
    lease.answered(false, true)
    pass(rest)
    lease.release(outcome)
  }
  /** Requests one after another, of which each takes as long as its peer does. */
  const play = (count: number, times: Readonly<Record<string, number>>): string =>
    Array.from({ length: count }, () => {
      const lease = take()
      pass(times[lease.peer.name] ?? 0)
      answer(lease)
      return lease.peer.name
    }).join('')
  return { registry, peer, pass, take, answer, play }
}

describe('least_time', () => {
  it('prefers who is quicker, and takes turns among those within 20 ms of each other', () => {
    expect(stage(LEAST_TIME).play(8, { a: 100, b: 5 })).toBe('abbbbbbb')
    expect(stage(LEAST_TIME).play(8, { a: 19, b: 5 })).toBe('abababab')
    expect(stage(LEAST_TIME).play(8, { a: 20, b: 5 })).toBe('abbbbbbb')
  })

  it('multiplies by what is in flight, and divides by weight', () => {
    const { take, play } = stage(LEAST_TIME)
    play(2, { a: 100, b: 25 })
    // 40 ms each for b, 120 ms for a: with two in flight at b it is a tie, with three it is a's turn.
    expect([take(), take(), take(), take()].map(({ peer }) => peer.name).join('')).toBe('bbba')
  })

  it('halves the time of who is not used once in a fail_timeout', () => {
    const { play, pass } = stage(LEAST_TIME, { a: { failTimeout: 1000 }, b: { failTimeout: 1000 } })
    expect(play(4, { a: 100, b: 5 })).toBe('abbb')
    pass(8000)
    expect(play(2, { a: 100, b: 5 })).toBe('ba')
  })

  it('counts successes only', () => {
    const { take, pass, answer } = stage(LEAST_TIME)
    const slow = take()
    pass(100)
    answer(slow, 'next')
    expect(take().peer.name).toBe('b')
    expect(slow.peer.reckonedMs).toBe(0)
  })

  it('measures to the head or to the last byte', () => {
    for (const time of ['header', 'last_byte'] as const) {
      const { take, pass, answer } = stage({ ...LEAST_TIME, time })
      const lease = take()
      pass(10)
      answer(lease, 'ok', 100)
      expect(lease.peer.reckonedMs).toBe(time === 'header' ? 0 : 100)
    }
  })

  it('averages as nginx does: 0.05 of the new one, rounded', () => {
    const { play, peer } = stage(LEAST_TIME, { a: {} })
    play(1, { a: 1000 })
    play(1, { a: 3000 })
    expect(peer('a').reckonedMs).toBe(1100)
    play(200, { a: 20_000 })
    // 5 s at most.
    expect(peer('a').reckonedMs).toBe(4980)
  })

  it('inflight: who keeps requests waiting longer than usual is slow before it answers', () => {
    for (const inflight of [false, true]) {
      const { take, play, pass, answer } = stage({ ...LEAST_TIME, inflight })
      play(2, { a: 10, b: 10 })
      const hung = take()
      expect(hung.peer.name).toBe('a')
      const other = take()
      pass(2000)
      answer(other)
      const next = [take(), take()].map(({ peer }) => peer.name).join('')
      // Without it, b's own 2 s count; with it a's, which still waits, as well.
      expect(next).toBe(inflight ? 'bb' : 'aa')
    }
  })

  it('what is exempt leaves nothing behind', () => {
    const { take, pass, peer } = stage({ ...LEAST_TIME, inflight: true })
    const lease = take()
    lease.exempt = true
    pass(3000)
    lease.answered(false, true)
    lease.release('ok')
    expect(peer('a').reckonedMs).toBe(0)
    expect([take(), take(), take()].map((each) => each.peer.name).join('')).toMatch(/^(ab|ba)/)
  })
})

describe('peak_ewma', () => {
  const PEAK = { name: 'peak_ewma', time: 'header', decay: 10_000 } as const
  /** Two different ones in every pick. */
  const alternating = (): (() => number) => {
    let n = 0
    return () => (n++ % 2) * 0.5
  }

  it('takes the cheaper of two; a long time counts at once, and is forgotten with time', () => {
    const { play, pass } = stage(PEAK, { a: {}, b: {} }, alternating())
    const warm = play(6, { a: 10, b: 50 })
    expect(warm.slice(-4)).toBe('aaaa')
    expect(play(1, { a: 2000 })).toBe('a')
    expect(play(4, { b: 50 })).toBe('bbbb')
    pass(60_000)
    expect(play(1, { a: 10, b: 50 })).toMatch(/[ab]/)
  })

  it('who is not known gets one request, and no crowd', () => {
    const { take, play, registry } = stage(PEAK, { a: {} }, alternating())
    play(1, { a: 10 })
    registry.add({
      address: { protocol: 'http:', hostname: 'b', port: 80, socketPath: undefined, name: 'b' },
      parameters: {
        weight: 1,
        maxConns: 0,
        maxFails: 1,
        failTimeout: 10_000,
        backup: false,
        down: false,
      },
    })
    expect([take(), take(), take()].map(({ peer }) => peer.name).join('')).toBe('baa')
  })

  it('a quick failure is no quick answer', () => {
    const { take, play } = stage(PEAK, { a: {}, b: {} }, alternating())
    play(4, { a: 30, b: 30 })
    const lease = take()
    lease.answered(false, true)
    lease.release('next')
    const other = lease.peer.name === 'a' ? 'b' : 'a'
    expect([take(), take()].map(({ peer }) => peer.name)).toContain(other)
  })
})

describe('first', () => {
  it('fills one peer after the other', () => {
    const { take } = stage({ name: 'first' }, { a: { maxConns: 2 }, b: { maxConns: 1 }, c: {} })
    const leases = [take(), take(), take(), take()]
    expect(leases.map(({ peer }) => peer.name).join('')).toBe('aabc')
    leases[0]!.release('ok')
    expect(take().peer.name).toBe('a')
  })
})
