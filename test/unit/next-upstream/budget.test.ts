import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { RetryBudget } from '../../../src/next-upstream/budget.js'

const settings = { ratio: 0.2, floor: 10, window: 10_000 }

/** Retries that are allowed at once. */
function room(budget: RetryBudget, now: number, most = 10_000): number {
  let count = 0
  while (count < most && budget.allows(now)) {
    budget.retry(now)
    count++
  }
  return count
}

describe('RetryBudget', () => {
  it('allows the floor without any request: ten a second, over the window', () => {
    expect(room(new RetryBudget(settings), 0)).toBe(100)
  })

  it('allows a fifth of the requests on top of the floor', () => {
    const budget = new RetryBudget(settings)
    for (let i = 0; i < 1000; i++) budget.request(5000)
    expect(room(budget, 5000)).toBe(300)
  })

  it('allows none with neither ratio nor floor', () => {
    expect(room(new RetryBudget({ ratio: 0, floor: 0, window: 10_000 }), 0)).toBe(0)
  })

  it('counts requests of the last window only', () => {
    const budget = new RetryBudget({ ...settings, floor: 0 })
    for (let i = 0; i < 10; i++) budget.request(1000)
    expect(budget.allows(10_999)).toBe(true)
    expect(budget.allows(11_000)).toBe(false)
  })

  it('has room again when old retries have left the window', () => {
    const budget = new RetryBudget({ ...settings, ratio: 0 })
    expect(room(budget, 3500)).toBe(100)
    expect(budget.allows(12_999)).toBe(false)
    expect(budget.allows(13_000)).toBe(true)
  })

  it('starts anew after a long silence', () => {
    const budget = new RetryBudget(settings)
    room(budget, 0)
    expect(room(budget, 86_400_000)).toBe(100)
  })

  it('takes a window of less than a second for one of a second', () => {
    expect(room(new RetryBudget({ ratio: 0, floor: 3, window: 100 }), 0)).toBe(3)
  })

  it('does not understand a clock below zero', () => {
    expect(() => new RetryBudget(settings).request(-1)).toThrow(RangeError)
  })

  it('never allows more than ratio and floor over any window, whatever the order of events', () => {
    const step = fc.record({ pause: fc.integer({ min: 0, max: 3000 }), requests: fc.nat(30) })
    fc.assert(
      fc.property(
        fc.array(step, { maxLength: 40 }),
        fc.double({ min: 0, max: 1, noNaN: true }),
        fc.nat(3),
        (steps, ratio, floor) => {
          const budget = new RetryBudget({ ratio, floor, window: 5000 })
          const log: { second: number; requests: number; retries: number }[] = []
          let now = 0
          for (const { pause, requests } of steps) {
            now += pause
            for (let i = 0; i < requests; i++) budget.request(now)
            const second = Math.floor(now / 1000)
            log.push({ second, requests, retries: room(budget, now, 200) })
            const recent = log.filter((entry) => entry.second > second - 5)
            const sum = (key: 'requests' | 'retries'): number =>
              recent.reduce((total, entry) => total + entry[key], 0)
            // What an earlier second rightly allowed may be too much once its requests have left the window.
            const allowed = ratio * sum('requests') + floor * 5
            const last = log.at(-1)?.retries ?? 0
            if (last > 0) expect(sum('retries')).toBeLessThan(allowed + 1 + 1e-9)
          }
        },
      ),
    )
  })
})
