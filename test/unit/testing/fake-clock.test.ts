import { describe, expect, it } from 'vitest'
import { fakeClock } from 'evenkeel/testing'
import { systemClock } from '../../../src/clock.js'
import type { Clock } from '../../../src/clock.js'

describe('fakeClock', () => {
  it('stands still, from the given start', () => {
    expect(fakeClock().now()).toBe(0)
    const clock = fakeClock(5000)
    expect(clock.now()).toBe(5000)
    clock.advance(7)
    expect(clock.now()).toBe(5007)
  })

  it('runs what falls due, in the order of time and then of setting', () => {
    const clock = fakeClock()
    const ran: string[] = []
    const note = (name: string) => () => void ran.push(`${name}@${clock.now()}`)
    clock.after(20, note('late'))
    clock.after(10, note('a'))
    clock.after(10, note('b'))
    clock.after(21, note('too late'))
    expect(clock.pending).toBe(4)
    expect(clock.nextDue).toBe(10)
    clock.advance(20)
    expect(ran).toEqual(['a@10', 'b@10', 'late@20'])
    expect(clock.pending).toBe(1)
    expect(clock.now()).toBe(20)
  })

  it('runs timers that timers set, when they are due on the way', () => {
    const clock = fakeClock()
    const ran: number[] = []
    const tick = (): void => {
      ran.push(clock.now())
      clock.after(10, tick)
    }
    clock.after(10, tick)
    clock.advance(35)
    expect(ran).toEqual([10, 20, 30])
    expect(clock.now()).toBe(35)
    expect(clock.nextDue).toBe(40)
  })

  it('cancels, also from an earlier timer, and more than once', () => {
    const clock = fakeClock()
    let ran = 0
    const victim = clock.after(10, () => ran++)
    clock.after(5, () => victim.cancel())
    clock.advance(20)
    victim.cancel()
    expect([ran, clock.pending]).toEqual([0, 0])
  })

  it('starts the whole delay again on refresh', () => {
    const clock = fakeClock()
    const ran: number[] = []
    const timer = clock.after(10, () => ran.push(clock.now()))
    clock.advance(9)
    timer.refresh()
    clock.advance(9)
    expect(ran).toEqual([])
    clock.advance(1)
    expect(ran).toEqual([19])
  })

  it('puts a refreshed timer behind the others of its time', () => {
    const clock = fakeClock()
    const ran: string[] = []
    const first = clock.after(10, () => ran.push('first'))
    clock.after(10, () => ran.push('second'))
    first.refresh()
    clock.advance(10)
    expect(ran).toEqual(['second', 'first'])
  })

  it('treats a delay below zero as zero and refuses what the real clock would run at once', () => {
    const clock = fakeClock()
    let ran = 0
    clock.after(-5, () => ran++)
    expect(ran).toBe(0)
    clock.advance(0)
    expect(ran).toBe(1)
    for (const ms of [Number.NaN, Infinity, 2 ** 31]) {
      expect(() => clock.after(ms, () => undefined)).toThrow(RangeError)
    }
    expect(() => clock.advance(-1)).toThrow(RangeError)
    expect(() => clock.advance(Number.NaN)).toThrow(RangeError)
  })

  it('lets through what a callback throws, and goes on from there', () => {
    const clock = fakeClock()
    let ran = 0
    clock.after(5, () => {
      throw new Error('from a timer')
    })
    clock.after(6, () => ran++)
    expect(() => clock.advance(10)).toThrow('from a timer')
    expect(clock.now()).toBe(5)
    clock.advance(1)
    expect(ran).toBe(1)
  })

  it('gives up on a timer that sets itself for ever', () => {
    const clock = fakeClock()
    const spin = (): void => void clock.after(0, spin)
    spin()
    expect(() => clock.advance(1)).toThrow('again and again')
  })

  it('never steps back when a timer advances the clock itself', () => {
    const clock = fakeClock()
    clock.after(5, () => clock.advance(100))
    clock.advance(10)
    expect(clock.now()).toBe(105)
  })
})

describe('fakeClock().advanceAsync', () => {
  it('lets promises settle between the timers', async () => {
    const clock = fakeClock()
    const ran: string[] = []
    const sleep = (ms: number): Promise<void> => new Promise((resolve) => clock.after(ms, resolve))
    const work = async (): Promise<void> => {
      for (const step of ['a', 'b', 'c']) {
        await sleep(10)
        await Promise.resolve()
        ran.push(`${step}@${clock.now()}`)
      }
    }
    void work()
    await clock.advanceAsync(25)
    expect(ran).toEqual(['a@10', 'b@20'])
    await clock.advanceAsync(5)
    expect(ran).toEqual(['a@10', 'b@20', 'c@30'])
  })

  it('sees timers that are set by promises pending before it', async () => {
    const clock = fakeClock()
    let ranAt = -1
    void Promise.resolve()
      .then(() => undefined)
      .then(() => clock.after(10, () => (ranAt = clock.now())))
    await clock.advanceAsync(10)
    expect(ranAt).toBe(10)
  })

  it('lets what the last timer set off settle too', async () => {
    const clock = fakeClock()
    let done = false
    clock.after(10, () => void Promise.resolve().then(() => (done = true)))
    await clock.advanceAsync(10)
    expect(done).toBe(true)
  })
})

describe('the fake clock and the real one agree', () => {
  const fake = fakeClock()
  const clocks: [string, Clock, (ms: number) => Promise<void>][] = [
    ['fake', fake, (ms) => fake.advanceAsync(ms)],
    ['system', systemClock, (ms) => new Promise((resolve) => setTimeout(resolve, ms + 20))],
  ]

  it.each(clocks)('%s: runs once', async (_name, clock, pass) => {
    let ran = 0
    clock.after(5, () => ran++)
    await pass(30)
    expect(ran).toBe(1)
  })

  it.each(clocks)(
    '%s: refresh after the timer has fired sets it again',
    async (_name, clock, pass) => {
      let ran = 0
      const timer = clock.after(5, () => ran++)
      await pass(10)
      timer.refresh()
      await pass(10)
      expect(ran).toBe(2)
    },
  )

  it.each(clocks)('%s: refresh after cancel does nothing', async (_name, clock, pass) => {
    let ran = 0
    const timer = clock.after(5, () => ran++)
    timer.cancel()
    timer.refresh()
    await pass(20)
    expect(ran).toBe(0)
  })

  it.each(clocks)('%s: cancel after a refresh still cancels', async (_name, clock, pass) => {
    let ran = 0
    const timer = clock.after(5, () => ran++)
    timer.refresh()
    timer.cancel()
    await pass(20)
    expect(ran).toBe(0)
  })
})
