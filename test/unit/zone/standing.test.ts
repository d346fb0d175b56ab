/** Several changes as one, and a change as its effect. */
import fc from 'fast-check'
import { expect, it } from 'vitest'
import { apply, merge, NO_CHANGE, SPOTLESS } from '../../../src/zone/standing.js'
import type { StandingChange } from '../../../src/zone/standing.js'

/** All at one time: what comes later may find the window passed, and that is not the same. */
const change: fc.Arbitrary<StandingChange> = fc
  .record({
    cleared: fc.boolean(),
    fails: fc.nat(3),
    statusFails: fc.nat(3),
    mark: fc.constantFrom(
      undefined,
      'none' as const,
      { reason: 'error', step: 'connect' as const, until: 1 },
      { reason: 'timeout', step: 'answer' as const, until: 2 },
    ),
    healthy: fc.constantFrom(undefined, true, false),
  })
  .map((some) => {
    const counts = some.fails + some.statusFails > 0
    return { ...NO_CHANGE, ...some, window: 10, ...(counts ? { since: 5, failedAt: 5 } : {}) }
  })

it('merged changes do what they do one after the other', () => {
  fc.assert(
    fc.property(fc.array(change, { maxLength: 3 }), change, change, (before, first, second) => {
      const standing = before.reduce(apply, SPOTLESS)
      expect(apply(standing, merge(first, second))).toEqual(apply(apply(standing, first), second))
    }),
  )
})

it('a failure that is too old counts no more', () => {
  const at = (time: number): StandingChange => ({
    ...NO_CHANGE,
    ...{ fails: 1, since: time, failedAt: time, window: 100 },
  })
  expect(apply(apply(SPOTLESS, at(0)), at(100)).fails).toBe(2)
  expect(apply(apply(SPOTLESS, at(0)), at(101)).fails).toBe(1)
})
