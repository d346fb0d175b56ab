import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { Lease } from '../../src/upstream/peer-session.js'
import type { PeerState } from '../../src/upstream/peer.js'
import { WHOLE } from '../../src/upstream/failure-window.js'
import { exhaust, open } from '../unit/upstream/group.js'
import { outlierGroup } from '../unit/upstream/outlier-group.js'

const settings = fc.record({
  consecutiveFailures: fc.integer({ min: 0, max: 4 }),
  failureRate: fc.constantFrom(0, 0.001, 0.3, 0.5, 1),
  minimumRequests: fc.integer({ min: 1, max: 8 }),
  window: fc.constantFrom(100, 1000, 10_000),
  statusWeights: fc
    .dictionary(fc.constantFrom('404', '500', '503'), fc.double({ min: 0, max: 1, noNaN: true }))
    .map((weights) => new Map(Object.entries(weights).map(([key, value]) => [+key, value]))),
  ejectionTime: fc.constant(1000),
  maxEjectionTime: fc.constantFrom(1000, 2500, 10_000),
  jitter: fc.constantFrom(0, 0.1, 1),
  maxEjectionPercent: fc.constantFrom(0, 1, 34, 50, 99, 100),
})

const take = fc.record({ do: fc.constant('take' as const) })
const pass = fc.record({ do: fc.constant('pass' as const), ms: fc.nat(1500) })
const answer = fc.record({
  do: fc.constant('answer' as const),
  at: fc.nat(20),
  status: fc.constantFrom(200, 404, 500, 503),
  reused: fc.boolean(),
})
const trouble = fc.oneof(
  fc.record({ do: fc.constant('fail' as const), at: fc.nat(20), sent: fc.boolean() }),
  fc.record({ do: fc.constant('refund' as const), at: fc.nat(20) }),
  fc.record({ do: fc.constant('probe' as const), at: fc.nat(5) }),
)
const action = fc.oneof(
  { weight: 4, arbitrary: take },
  { weight: 1, arbitrary: pass },
  { weight: 3, arbitrary: answer },
  { weight: 3, arbitrary: trouble },
)

/** All that outlier detection knows of a peer. */
const bookOf = ({ outliers, ...peer }: PeerState): unknown => [
  peer.fails,
  peer.statusFails,
  peer.failuresSinceAnswer,
  peer.ejectedUntil,
  peer.effectiveWeight,
  { ...peer.ledgers },
  outliers?.mark ?? 'none',
  outliers?.ejections ?? 0,
  outliers?.window.requests ?? 0,
  outliers?.window.failures ?? 0,
]

const names = ['a', 'b', 'c', 'd', 'e', 'f']
const peersOf = (count: number): Record<string, object> =>
  Object.fromEntries(names.slice(0, count).map((name) => [name, { weight: 3 }]))
/** 503 is in `failOn`. */
const isGood = (status: number): boolean => status !== 503

describe('outlier detection, whatever happens', () => {
  it('keeps to its share, its times and its counts, and somebody can always be asked', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 6 }),
        settings,
        fc.array(action, { maxLength: 120 }),
        fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }),
        (count, given, actions, chance) => {
          const all = outlierGroup(peersOf(count), given, { random: () => chance })
          const { registry, clock } = all
          const { ejectionTime, maxEjectionTime, jitter, maxEjectionPercent } = given
          const leases: Lease[] = []
          let untils = registry.peers.map((peer) => peer.ejectedUntil)
          for (const step of actions) {
            const lease = 'at' in step ? leases[step.at] : undefined
            switch (step.do) {
              case 'take': {
                const taken = open(registry).next()
                // Marks alone never end in "no live upstreams".
                expect(taken).toBeDefined()
                if (taken !== undefined) leases.push(taken)
                break
              }
              case 'pass':
                clock.advance(step.ms)
                break
              case 'answer':
                lease?.answered(step.reused, isGood(step.status), step.status)
                if (!isGood(step.status)) lease?.fail('status', 'answer')
                break
              case 'fail':
                lease?.fail('error', step.sent ? 'answer' : 'connect')
                break
              case 'refund':
                lease?.refund()
                break
              case 'probe': {
                const peer = registry.peers[step.at]
                if (peer !== undefined) registry.proved(peer)
              }
            }
            registry.settle(clock.now())
            const ejected = registry.peers.filter((peer) => peer.ejectedUntil !== 0)
            const most =
              maxEjectionPercent === 100
                ? count
                : maxEjectionPercent === 0
                  ? 0
                  : Math.min(count - 1, Math.max(1, Math.floor((count * maxEjectionPercent) / 100)))
            expect(ejected.length).toBeLessThanOrEqual(most)
            for (const peer of registry.peers) {
              const time = peer.ejectedUntil - clock.now()
              if (peer.ejectedUntil > (untils[peer.index] ?? 0)) {
                expect(time).toBeGreaterThanOrEqual(ejectionTime * (1 - jitter) - 0.001)
                expect(time).toBeLessThanOrEqual(maxEjectionTime * (1 + jitter) + 0.001)
              }
              const { fails, statusFails, failuresSinceAnswer, ledgers, outliers } = peer
              for (const number of [
                fails,
                statusFails,
                failuresSinceAnswer,
                ledgers.transport,
                ledgers.status,
                peer.effectiveWeight,
                outliers?.ejections ?? 0,
                outliers?.window.requests ?? 0,
                outliers?.window.failures ?? 0,
              ])
                expect(number).toBeGreaterThanOrEqual(0)
              if (outliers !== undefined)
                expect(outliers.window.failures).toBeLessThanOrEqual(
                  outliers.window.requests * WHOLE,
                )
              expect(outliers?.mark ?? 'none').toBe(
                peer.ejectedUntil === 0 ? 'none' : (outliers?.mark ?? ''),
              )
            }
            untils = registry.peers.map((peer) => peer.ejectedUntil)
          }
          expect(exhaust(open(registry))).toHaveLength(count)
        },
      ),
      { numRuns: 400 },
    )
  })

  it('a refund at once leaves everything as it was', () => {
    fc.assert(
      fc.property(
        settings,
        fc.array(action, { maxLength: 60 }),
        fc.constantFrom('error', 'status', 'weighed'),
        (given, actions, how) => {
          const { registry, clock } = outlierGroup(peersOf(3), given)
          const leases: Lease[] = []
          for (const step of actions) {
            const lease = 'at' in step ? leases[step.at] : undefined
            if (step.do === 'take') {
              const taken = open(registry).next()
              if (taken !== undefined) leases.push(taken)
            } else if (step.do === 'pass') clock.advance(step.ms)
            else if (step.do === 'answer')
              lease?.answered(step.reused, isGood(step.status), step.status)
            else if (step.do === 'fail') lease?.fail('error', step.sent ? 'answer' : 'connect')
            else if (step.do === 'refund') lease?.refund()
          }
          const lease = open(registry).next()
          if (lease === undefined) throw new Error('nobody')
          const { peer } = lease
          if (how !== 'error') {
            // What an answer itself says is no failure, and stays.
            registry.settle(clock.now())
            peer.failuresSinceAnswer = 0
            if (peer.ejectedUntil !== 0 || peer.fails > 0) return
          }
          peer.outliers?.window.advance(clock.now())
          const before = bookOf(peer)
          if (how === 'error') lease.fail('error', 'answer')
          else lease.answered(false, how === 'weighed', how === 'weighed' ? 500 : 503)
          const free = how === 'weighed' && (given.statusWeights.get(500) ?? 0) < 1 / WHOLE
          if (free) return
          lease.refund()
          expect(bookOf(peer)).toEqual(before)
        },
      ),
      { numRuns: 400 },
    )
  })

  it('without failures nobody is ejected', () => {
    fc.assert(
      fc.property(
        settings,
        fc.array(fc.oneof(take, pass, answer), { maxLength: 100 }),
        (given, actions) => {
          const { registry, clock, log } = outlierGroup(peersOf(3), given)
          const leases: Lease[] = []
          for (const step of actions) {
            if (step.do === 'take') {
              const lease = open(registry).next()
              if (lease !== undefined) leases.push(lease)
            } else if (step.do === 'pass') clock.advance(step.ms)
            else leases[step.at]?.answered(step.reused, true, 200)
          }
          expect(log).toEqual([])
        },
      ),
    )
  })
})
