import { describe, expect, it } from 'vitest'
import { fakeClock } from 'evenkeel/testing'
import { Prober } from '../../../src/health/prober.js'
import type { FailedStep, Peer } from '../../../src/upstream/peer.js'
import { makePeer } from '../upstream/group.js'

interface Running {
  readonly peer: Peer
  readonly step: FailedStep
  readonly timeout: number
  readonly at: number
  readonly done: (alive: boolean) => void
  cancelled: boolean
}

/** A prober whose probes end when the test says so. */
function prober(interval = 1000) {
  const clock = fakeClock()
  const probes: Running[] = []
  const alive: Peer[] = []
  const subject = new Prober(
    (peer, step, timeout, done) => {
      const running: Running = { peer, step, timeout, at: clock.now(), done, cancelled: false }
      probes.push(running)
      return () => {
        running.cancelled = true
      }
    },
    { interval, timeout: 700 },
    clock,
    (peer) => alive.push(peer),
  )
  const last = (): Running => {
    const probe = probes.at(-1)
    if (probe === undefined) throw new Error('no probe yet')
    return probe
  }
  return { clock, probes, alive, subject, last }
}

describe('Prober', () => {
  it('probes first after 100 ms, then in doubling pauses up to the interval', () => {
    const { clock, probes, subject, last } = prober()
    subject.watch(makePeer(), 'connect')
    expect(probes).toEqual([])
    for (let i = 0; i < 7; i++) {
      clock.advance(clock.nextDue === undefined ? 0 : clock.nextDue - clock.now())
      last().done(false)
    }
    expect(probes.map(({ at }) => at)).toEqual([100, 300, 700, 1500, 2500, 3500, 4500])
  })

  it('never waits longer than a short interval', () => {
    const { clock, probes, subject, last } = prober(30)
    subject.watch(makePeer(), 'connect')
    for (let i = 0; i < 3; i++) {
      clock.advance(30)
      last().done(false)
    }
    expect(probes.map(({ at }) => at)).toEqual([30, 60, 90])
  })

  it('hands the step and its timeout to the probe', () => {
    const { clock, subject, last } = prober()
    const peer = makePeer()
    subject.watch(peer, 'answer')
    clock.advance(100)
    expect(last()).toMatchObject({ peer, step: 'answer', timeout: 700 })
  })

  it('waits for a probe to end before the next pause begins', () => {
    const { clock, probes, subject, last } = prober()
    subject.watch(makePeer(), 'connect')
    clock.advance(5000)
    expect(probes).toHaveLength(1)
    last().done(false)
    clock.advance(199)
    expect(probes).toHaveLength(1)
    clock.advance(1)
    expect(probes).toHaveLength(2)
  })

  it('says once that a peer is back, and watches it no more', () => {
    const { clock, probes, alive, subject, last } = prober()
    const peer = makePeer()
    subject.watch(peer, 'connect')
    clock.advance(100)
    last().done(true)
    last().done(true)
    expect(alive).toEqual([peer])
    clock.advance(60_000)
    expect(probes).toHaveLength(1)
    expect(clock.pending).toBe(0)
  })

  it('starts with the short pause again at the next mark', () => {
    const { clock, probes, subject, last } = prober()
    const peer = makePeer()
    subject.watch(peer, 'connect')
    clock.advance(100)
    last().done(false)
    clock.advance(200)
    last().done(true)
    subject.watch(peer, 'connect')
    clock.advance(100)
    expect(probes.map(({ at }) => at)).toEqual([100, 300, 400])
  })

  it('watches a peer once, for the step that failed last', () => {
    const { clock, probes, subject } = prober()
    const peer = makePeer()
    subject.watch(peer, 'connect')
    clock.advance(50)
    subject.watch(peer, 'answer')
    clock.advance(50)
    expect(probes).toMatchObject([{ at: 100, step: 'answer' }])
    expect(clock.pending).toBe(0)
  })

  it('watches several peers apart', () => {
    const { clock, probes, subject, alive } = prober()
    const [a, b] = [makePeer(), makePeer()]
    subject.watch(a, 'connect')
    clock.advance(60)
    subject.watch(b, 'connect')
    clock.advance(100)
    expect(probes.map(({ peer, at }) => [peer === a ? 'a' : 'b', at])).toEqual([
      ['a', 100],
      ['b', 160],
    ])
    probes[0]?.done(true)
    expect(alive).toEqual([a])
    probes[1]?.done(false)
    clock.advance(200)
    expect(probes).toHaveLength(3)
  })

  it('unwatch ends the pause', () => {
    const { clock, probes, subject } = prober()
    const peer = makePeer()
    subject.watch(peer, 'connect')
    subject.unwatch(peer)
    subject.unwatch(peer)
    clock.advance(10_000)
    expect(probes).toEqual([])
    expect(clock.pending).toBe(0)
  })

  it('unwatch cancels a running probe, and what it says afterwards is not heard', () => {
    const { clock, alive, subject, last } = prober()
    const peer = makePeer()
    subject.watch(peer, 'connect')
    clock.advance(100)
    subject.unwatch(peer)
    expect(last().cancelled).toBe(true)
    last().done(true)
    last().done(false)
    expect(alive).toEqual([])
    expect(clock.pending).toBe(0)
  })

  it('an old probe says nothing of a new watch', () => {
    const { clock, probes, alive, subject } = prober()
    const peer = makePeer()
    subject.watch(peer, 'connect')
    clock.advance(100)
    subject.unwatch(peer)
    subject.watch(peer, 'connect')
    probes[0]?.done(true)
    expect(alive).toEqual([])
    clock.advance(100)
    probes[1]?.done(true)
    expect(alive).toEqual([peer])
  })

  it('stop ends everything', () => {
    const { clock, probes, subject } = prober()
    subject.watch(makePeer(), 'connect')
    clock.advance(100)
    subject.watch(makePeer(), 'answer')
    subject.stop()
    expect(probes).toMatchObject([{ cancelled: true }])
    subject.watch(makePeer(), 'connect')
    clock.advance(10_000)
    expect(probes).toHaveLength(1)
    expect(clock.pending).toBe(0)
  })

  it('takes a probe that answers at once', () => {
    const clock = fakeClock()
    const alive: Peer[] = []
    let dead = 2
    const subject = new Prober(
      (_peer, _step, _timeout, done) => {
        done(dead-- <= 0)
        return () => undefined
      },
      { interval: 1000, timeout: 1000 },
      clock,
      (peer) => alive.push(peer),
    )
    subject.watch(makePeer(), 'connect')
    clock.advance(699)
    expect(alive).toEqual([])
    clock.advance(1)
    expect(alive).toHaveLength(1)
    expect(clock.pending).toBe(0)
  })
})
