import { describe, expect, it } from 'vitest'
import { Tally } from '../../../src/health/tally.js'

const tally = (fall: number, rise: number, initialState: 'up' | 'down' = 'up'): Tally =>
  new Tally({ fall, rise, initialState })

/** `+` passed, `-` failed; what the peer is after each: `u`p or `d`own. */
function states(subject: Tally, checks: string): string {
  return Array.from(checks)
    .map((each) => {
      subject.count(each === '+' ? 'passed' : 'failed')
      return subject.healthy ? 'u' : 'd'
    })
    .join('')
}

describe('Tally', () => {
  it.each([
    [3, 2, '--+---++', 'uuuuuddu'],
    [1, 1, '-+-+', 'dudu'],
    [2, 3, '--++-+++', 'uddddddu'],
  ])('fall %i, rise %i: %s', (fall, rise, checks, expected) => {
    expect(states(tally(fall, rise), checks)).toBe(expected)
  })

  it('believes the first check of a peer of which nothing is known, and then no more than others', () => {
    expect(states(tally(3, 5, 'down'), '+--+---')).toBe('uuuuuud')
    expect(states(tally(3, 2, 'down'), '-+-++')).toBe('ddddu')
  })

  it('says when it changes, and how many in a row have said so', () => {
    const subject = tally(2, 3)
    expect(subject.count('failed')).toBe(false)
    expect(subject.count('failed')).toBe(true)
    expect(subject.inRow).toBe(2)
    expect(subject.count('passed')).toBe(false)
    expect(subject.inRow).toBe(1)
    subject.count('passed')
    expect(subject.count('passed')).toBe(true)
    expect(subject.inRow).toBe(3)
  })

  it('is fast while checks speak for a change, and has a pace of its own while down', () => {
    const subject = tally(2, 2)
    const paces = Array.from('+-+--+-++').map((each) => {
      subject.count(each === '+' ? 'passed' : 'failed')
      return subject.pace
    })
    expect(paces).toEqual([
      ...['interval', 'fastInterval', 'interval', 'fastInterval', 'downInterval'],
      ...['fastInterval', 'downInterval', 'fastInterval', 'interval'],
    ])
  })
})
