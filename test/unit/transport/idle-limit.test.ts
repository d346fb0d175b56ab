import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { fakeClock } from 'evenkeel/testing'
import { IdleLimit } from '../../../src/transport/idle-limit.js'

function limit() {
  const clock = fakeClock(1_000_000)
  const subject = new IdleLimit(clock)
  /** The peer closes after `age`, `later` ms after the time before. */
  const closed = (age: number, later = 1000): boolean => {
    clock.advance(later)
    return subject.closedAt(age)
  }
  return { clock, subject, closed }
}

describe('IdleLimit: what a peer says', () => {
  it('knows nothing at first', () => {
    expect(limit().subject.safeAge()).toBe(Infinity)
  })

  it.each([
    [60_000, 59_000],
    [5000, 4000],
    [2000, 1600],
    [1000, 800],
    [40, 30],
    [10, 0],
    [0, 0],
  ])('of an announced %i ms uses %i', (announced, safe) => {
    const { subject } = limit()
    subject.announced(announced)
    expect(subject.safeAge()).toBe(safe)
  })

  it('believes the last announcement', () => {
    const { subject } = limit()
    subject.announced(5000)
    subject.announced(60_000)
    expect(subject.safeAge()).toBe(59_000)
  })
})

describe('IdleLimit: what a peer does', () => {
  it('learns nothing from one closing: it may be a restart', () => {
    const { subject, closed } = limit()
    expect(closed(5000)).toBe(false)
    expect(subject.safeAge()).toBe(Infinity)
  })

  it('learns from a second at the same age and another time, the shorter of the two', () => {
    const { subject, closed } = limit()
    closed(5000)
    expect(closed(4990)).toBe(true)
    expect(subject.safeAge()).toBe(3992)
  })

  it('learns nothing from a restart that closes many at once, of whatever age', () => {
    const { subject, closed } = limit()
    closed(5000)
    for (let i = 0; i < 20; i++) expect(closed(5000 + i, 1)).toBe(false)
    expect(subject.safeAge()).toBe(Infinity)
  })

  it('learns nothing from closings of different ages', () => {
    const { subject, closed } = limit()
    for (const age of [1000, 3000, 9000, 30_000]) expect(closed(age)).toBe(false)
    expect(subject.safeAge()).toBe(Infinity)
  })

  it('takes ages for the same within a fifth, or 20 ms', () => {
    for (const [first, second, learns] of [
      [1000, 1199, true],
      [1000, 1200, false],
      [50, 69, true],
      [50, 70, false],
    ] as const) {
      const { closed } = limit()
      closed(first)
      expect(closed(second)).toBe(learns)
    }
  })

  it('does not take a peer that keeps no connections for one with a limit', () => {
    const { subject, closed } = limit()
    for (let i = 0; i < 5; i++) expect(closed(4)).toBe(false)
    expect(subject.safeAge()).toBe(Infinity)
  })

  it('learns downwards only', () => {
    const { subject, closed } = limit()
    closed(5000)
    closed(5000)
    closed(30_000)
    expect(closed(30_000)).toBe(false)
    expect(subject.safeAge()).toBe(4000)
    closed(2000)
    expect(closed(2000)).toBe(true)
    expect(subject.safeAge()).toBe(1600)
  })

  it('uses the shorter of what is said and what is done', () => {
    const { subject, closed } = limit()
    subject.announced(3000)
    closed(5000)
    closed(5000)
    expect(subject.safeAge()).toBe(2400)
    subject.announced(60_000)
    expect(subject.safeAge()).toBe(4000)
  })

  it('forgets after ten minutes, and learns again', () => {
    const { subject, clock, closed } = limit()
    closed(5000)
    closed(5000)
    clock.advance(600_000)
    expect(subject.safeAge()).toBe(4000)
    clock.advance(1)
    expect(subject.safeAge()).toBe(Infinity)
    expect(closed(5000)).toBe(true)
  })

  it('is never over what was said, below zero, or over any limit it has learnt', () => {
    const event = fc.record({
      said: fc.option(fc.nat(100_000)),
      closed: fc.option(fc.nat(100_000)),
      pause: fc.nat(5000),
    })
    fc.assert(
      fc.property(fc.array(event, { maxLength: 60 }), (events) => {
        const { clock, subject } = limit()
        let said = Infinity
        for (const { said: ms, closed, pause } of events) {
          clock.advance(pause)
          if (ms !== null) subject.announced((said = ms))
          const before = subject.safeAge()
          const learnt = closed !== null && subject.closedAt(closed)
          const safe = subject.safeAge()
          expect(safe).toBeGreaterThanOrEqual(0)
          expect(safe === Infinity || safe < said || safe === 0).toBe(true)
          expect(safe).toBeLessThanOrEqual(before)
          if (learnt) expect(safe).toBeLessThan(closed)
        }
      }),
    )
  })
})
