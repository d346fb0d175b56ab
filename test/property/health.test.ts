/** What makes a peer unhealthy, and healthy again: so many checks in a row, and nothing else. */
import fc from 'fast-check'
import { scriptedRandom, fakeClock } from 'evenkeel/testing'
import { expect, test } from 'vitest'
import { resultOf } from '../../src/health/check.js'
import { HealthChecker } from '../../src/health/health-checker.js'
import { afterFeedback, NOTHING_SAID } from '../../src/upstream/feedback.js'
import { group } from '../unit/upstream/group.js'

const schedule = fc.record({
  interval: fc.integer({ min: 1, max: 10_000 }),
  jitter: fc.integer({ min: 0, max: 5000 }),
  fastInterval: fc.integer({ min: 1, max: 10_000 }),
  downInterval: fc.integer({ min: 1, max: 10_000 }),
  timeout: fc.constant(1000),
  fall: fc.integer({ min: 1, max: 5 }),
  rise: fc.integer({ min: 1, max: 5 }),
  initialState: fc.constantFrom('up' as const, 'down' as const),
})

test('down after `fall` failures in a row, up after `rise` passes in a row, and never otherwise', () => {
  fc.assert(
    fc.property(
      schedule,
      fc.array(fc.tuple(fc.boolean(), fc.integer({ min: 0, max: 20_000 })), { maxLength: 60 }),
      fc.integer(),
      (settings, checks, seed) => {
        const clock = fakeClock()
        let done: ((passed: boolean) => void) | undefined
        let running = 0
        const told: string[] = []
        const { registry, peer } = group({ a: {} })
        const checker = new HealthChecker({
          check: (_peer, finish) => {
            running++
            done = (passed) => {
              running--
              finish(resultOf(passed ? 'passed' : 'error'))
            }
            return () => undefined
          },
          proves: 'answer',
          schedule: settings,
          clock,
          random: scriptedRandom(seed),
          verdicts: {
            health: (_peer, reason, inRow) => {
              told.push(`${reason} ${inRow}`)
              registry.setHealth(peer('a'), reason, inRow)
            },
            unknown: (each) => {
              expect(each.name).toBe('a')
              peer('a').healthy = false
            },
            proved: () => undefined,
            said: () => undefined,
          },
        })
        checker.watch(peer('a'))
        let healthy = settings.initialState === 'up'
        const passes: boolean[] = []
        expect(peer('a').healthy).toBe(healthy)
        for (const [passed, takes] of checks) {
          const toldBefore = told.length
          // Whatever the pause, the next check comes, and no two at once.
          clock.advance(Math.max(0, clock.nextDue! - clock.now()))
          expect(running).toBe(1)
          expect(clock.pending).toBe(0)
          clock.advance(takes)
          done?.(passed)
          passes.push(passed)
          const enough = passed ? settings.rise : settings.fall
          const inRow = passes.length - 1 - passes.lastIndexOf(!passed)
          const isFirst = settings.initialState === 'down' && passes.length === 1
          const turns = passed !== healthy && (inRow >= enough || (isFirst && passed))
          if (turns) healthy = passed
          expect(peer('a').healthy).toBe(healthy)
          expect(registry.status(peer('a'))).toBe(healthy ? 'up' : 'unhealthy')
          expect(told.slice(toldBefore)).toEqual(
            turns ? [`${passed ? 'passed' : 'error'} ${inRow}`] : [],
          )
        }
        checker.stop()
        expect(clock.pending).toBe(0)
      },
    ),
    { numRuns: 300 },
  )
})

test('whatever a peer says of its load, it stays within what the administrator gave it', () => {
  const words = fc.constantFrom(
    ...['drain', 'ready', 'up', 'down', '0%', '50%', '100%', '999999%', '-5%', '1e3%', 'NaN%'],
    ...['maxconn:3', 'maxconn:0', 'maxconn:-1', 'maxconn:1e9', 'maint', '#', '%', ':', '\u0000'],
  )
  const text = fc.oneof(
    fc.string({ unit: 'binary' }),
    fc.array(fc.oneof(words, fc.string()), { maxLength: 6 }).map((each) => each.join(', ')),
  )
  fc.assert(
    fc.property(
      fc.array(text, { maxLength: 8 }),
      fc.integer({ min: 1, max: 9 }),
      (said, weight) => {
        const { registry, peer } = group({ a: { weight, maxConns: 5 }, b: {} })
        const a = peer('a')
        let before = NOTHING_SAID
        for (const each of said) {
          registry.heard(a, each)
          before = afterFeedback(before, each)
          expect(a.feedback).toEqual(before)
          expect(a.easedWeight).toBeGreaterThan(0)
          expect(a.easedWeight).toBeLessThanOrEqual(weight)
          expect(a.effectiveWeight).toBeLessThanOrEqual(a.easedWeight)
          expect(a.limit).toBeGreaterThan(0)
          expect(a.limit).toBeLessThanOrEqual(5)
          expect(a.live).toBe(a.healthy && !a.draining)
          expect(a.weight).toBe(weight)
        }
        registry.heard(a, '100% ready up maxconn:0')
        expect(a).toMatchObject({ easedWeight: weight, live: true, limit: 5 })
      },
    ),
    { numRuns: 500 },
  )
})
