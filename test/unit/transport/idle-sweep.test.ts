import { describe, expect, it } from 'vitest'
import { fakeClock } from 'evenkeel/testing'
import { IdleSweep } from '../../../src/transport/idle-sweep.js'

describe('IdleSweep', () => {
  function sweeping(next: (now: number) => number = () => Number.POSITIVE_INFINITY) {
    const clock = fakeClock(1000)
    const ran: number[] = []
    const sweep = new IdleSweep(clock, (now) => {
      ran.push(now)
      return next(now)
    })
    return { clock, ran, sweep }
  }

  it('has no timer while nothing is expected', () => {
    const { clock, sweep } = sweeping()
    expect(clock.pending).toBe(0)
    sweep.expect(1500)
    sweep.cancel()
    expect(clock.pending).toBe(0)
  })

  it('runs when the earliest is due, with one timer for all', () => {
    const { clock, ran, sweep } = sweeping()
    sweep.expect(1500)
    sweep.expect(1600)
    sweep.expect(1300)
    sweep.expect(1400)
    expect(clock.pending).toBe(1)
    clock.advance(299)
    expect(ran).toEqual([])
    clock.advance(1)
    expect(ran).toEqual([1300])
    expect(clock.pending).toBe(0)
  })

  it('runs again when the next one is due', () => {
    const { clock, ran, sweep } = sweeping((now) => (now < 2000 ? now + 400.5 : Infinity))
    sweep.expect(1200)
    clock.advance(10_000)
    expect(ran).toEqual([1200, 1601, 2002])
    expect(clock.pending).toBe(0)
    sweep.expect(11_500)
    clock.advance(500)
    expect(ran).toEqual([1200, 1601, 2002, 11_500])
  })

  it('never runs early, and not at once again', () => {
    const { clock, ran, sweep } = sweeping((now) => (ran.length < 3 ? now : Infinity))
    sweep.expect(1000.2)
    clock.advance(10)
    expect(ran).toEqual([1001, 1002, 1003])
  })

  it('sets no timer that is too long for the platform', () => {
    const { clock, sweep } = sweeping()
    sweep.expect(1e12)
    expect(clock.nextDue).toBe(1000 + 2_147_483_647)
  })
})
