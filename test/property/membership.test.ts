import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { PeerEntry } from '../../src/upstream/membership.js'
import type { Lease } from '../../src/upstream/peer-session.js'
import type { PeerParameters, PeerState } from '../../src/upstream/peer.js'
import { group, open } from '../unit/upstream/group.js'
import { outlierSettings } from '../unit/upstream/outlier-group.js'

const NAMES = ['a', 'b', 'c', 'd', 'e']

const parameters: fc.Arbitrary<PeerParameters> = fc.record({
  weight: fc.integer({ min: 1, max: 9 }),
  maxConns: fc.constantFrom(0, 0, 1, 2),
  maxFails: fc.constantFrom(1, 1, 2, 0),
  failTimeout: fc.constantFrom(1000, 10_000),
  backup: fc.constant(false),
  tier: fc.constantFrom(0, 0, 1, 2),
  down: fc.constantFrom(false, false, false, true),
  drain: fc.constantFrom(false, false, false, true),
  slowStart: fc.constantFrom(0, 2000),
})
const entry: fc.Arbitrary<PeerEntry> = fc.record({
  address: fc.constantFrom(...NAMES).map((name) => ({
    protocol: 'http:' as const,
    hostname: name,
    port: 80,
    socketPath: undefined,
    name,
  })),
  parameters,
})
const at = fc.nat(30)

const action = fc.oneof(
  { weight: 6, arbitrary: fc.record({ do: fc.constant('take' as const) }) },
  {
    weight: 3,
    arbitrary: fc.record({ do: fc.constant('fail' as const), at, reset: fc.boolean() }),
  },
  { weight: 3, arbitrary: fc.record({ do: fc.constant('release' as const), at }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('refund' as const), at }) },
  {
    weight: 2,
    arbitrary: fc.record({
      do: fc.constant('answer' as const),
      at,
      status: fc.constantFrom(200, 500, 503),
      reset: fc.boolean(),
    }),
  },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('rest' as const), at, ms: fc.nat(4000) }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('prove' as const), at }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('health' as const), at }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('drain' as const), at }) },
  { weight: 3, arbitrary: fc.record({ do: fc.constant('pass' as const), ms: fc.nat(6000) }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('add' as const), entry }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('remove' as const), at }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('update' as const), at, parameters }) },
  {
    weight: 1,
    arbitrary: fc.record({
      do: fc.constant('replace' as const),
      entries: fc.array(entry, { minLength: 1, maxLength: 6 }),
    }),
  },
)
type Action = typeof action extends fc.Arbitrary<infer A> ? A : never

const rule = fc.constantFrom('standard', 'outliers', 'nginx')

/** What was held against a peer, and what it had in flight. */
const stateOf = (peer: PeerState): unknown[] => [
  peer.connections,
  peer.ejectedUntil,
  peer.restsUntil,
  peer.fails,
  peer.failuresSinceAnswer,
  peer.ledgers.transport,
]

describe('membership, whatever happens', () => {
  it('live are those, in order, that a look at each peer finds; kept peers keep what they have', () => {
    fc.assert(
      fc.property(
        fc.array(entry, { minLength: 1, maxLength: 6 }),
        fc.array(action, { maxLength: 60 }),
        fc.constantFrom(0, 40, 100),
        rule,
        (entries, actions, panicThreshold, which) => {
          const { registry, clock } = group(
            {},
            {
              panicThreshold,
              nginx: which === 'nginx',
              ...(which === 'outliers' && {
                outlierDetection: outlierSettings({ minimumRequests: 4, consecutiveFailures: 2 }),
              }),
            },
          )
          registry.replace(entries)
          /** Until when it is marked, or rests. */
          const liveAt = (peer: PeerState): number => {
            const { maxFails, fails, ejectedUntil, restsUntil } = peer
            if (maxFails === 0) return restsUntil
            if (which !== 'nginx') return Math.max(ejectedUntil, restsUntil)
            if (registry.peers.length === 1 || fails < maxFails) return restsUntil
            const seconds = Math.floor(peer.checkedAt / 1000) + Math.floor(peer.failTimeout / 1000)
            return Math.max((seconds + 1) * 1000, restsUntil)
          }
          let leases: Lease[] = []
          const out = new Map<PeerState, number>()
          const seen = new Set<PeerState>(registry.peers)
          const take = (): void => {
            const lease = open(registry).next()
            if (lease === undefined) return
            leases.push(lease)
            out.set(lease.peer, (out.get(lease.peer) ?? 0) + 1)
          }
          const drop = (lease: Lease, outcome: 'ok' | 'failed'): void => {
            lease.release(outcome)
            lease.release('next')
            out.set(lease.peer, (out.get(lease.peer) ?? 0) - 1)
            leases = leases.filter((each) => each !== lease)
          }
          const play = (step: Action): void => {
            const lease = 'at' in step ? leases[step.at % leases.length] : undefined
            const peer = 'at' in step ? registry.peers[step.at % registry.peers.length] : undefined
            switch (step.do) {
              case 'take':
                take()
                return
              case 'fail':
                if (lease === undefined) return
                lease.fail('error', step.reset ? 'connect' : 'answer')
                drop(lease, 'failed')
                return
              case 'release':
                if (lease !== undefined) drop(lease, 'ok')
                return
              case 'refund':
                lease?.fail('timeout', 'answer')
                lease?.refund()
                return
              case 'answer':
                lease?.answered(step.reset, step.status !== 503, step.status)
                return
              case 'rest':
                lease?.rest(step.ms)
                return
              case 'pass':
                clock.advance(step.ms)
                return
              case 'add':
                registry.add(step.entry)
                return
              case 'replace': {
                const before = new Map(registry.peers.map((each) => [each, stateOf(each)]))
                registry.replace(step.entries)
                for (const each of registry.peers) {
                  const known = before.get(each)
                  if (known !== undefined) expect(stateOf(each)).toEqual(known)
                }
                return
              }
              case 'prove':
                if (peer !== undefined) registry.proved(peer)
                return
              case 'health':
                if (peer !== undefined) peer.healthy = !peer.healthy
                return
              case 'drain':
                if (peer !== undefined) peer.draining = !peer.draining
                return
              case 'remove':
                if (peer !== undefined && registry.peers.length > 1) registry.remove(peer)
                return
              case 'update': {
                if (peer === undefined) return
                const before = stateOf(peer)
                registry.update(peer, step.parameters)
                expect(stateOf(peer)).toEqual(before)
              }
            }
          }
          for (const step of actions) {
            play(step)
            registry.settle(clock.now())
            for (const peer of registry.peers) seen.add(peer)
            expect(registry.peers.map(({ index }) => index)).toEqual(
              registry.peers.map((_, i) => i),
            )
            for (const tier of registry.tiers) {
              const members = registry.peers.filter((peer) => peer.tier === tier.priority)
              expect(tier.peers).toEqual(members)
              expect(tier.totalWeight).toBe(members.reduce((sum, { weight }) => sum + weight, 0))
              const inService = members.filter((peer) => !peer.down && !peer.draining)
              const isFit = (peer: PeerState): boolean =>
                peer.healthy && clock.now() >= liveAt(peer)
              const fit = inService.filter(isFit)
              const panics = fit.length * 100 < inService.length * panicThreshold
              const live = inService.filter((peer) => (panics || isFit(peer)) && !peer.full)
              expect(tier.live.map(({ index }) => index)).toEqual(live.map(({ index }) => index))
              expect(members.filter((peer) => peer.live)).toEqual(live)
            }
            for (const peer of seen) {
              expect(peer.connections).toBe(out.get(peer) ?? 0)
              expect(peer.effectiveWeight).toBeGreaterThanOrEqual(0)
              expect(peer.effectiveWeight).toBeLessThanOrEqual(peer.easedWeight)
              expect(peer.easedWeight).toBeGreaterThan(0)
              expect(peer.easedWeight).toBeLessThanOrEqual(peer.weight)
              expect(peer.fails).toBeGreaterThanOrEqual(0)
              if (!registry.peers.includes(peer)) expect(peer.live).toBe(false)
            }
          }
          for (const lease of leases) lease.release('next')
          for (const peer of seen) expect(peer.connections).toBe(0)
          // Those that return by then are eased in from then on.
          for (let i = 0; i < 2; i++) {
            clock.advance(1_000_000)
            registry.settle(clock.now())
          }
          for (const peer of registry.peers) expect(peer.easedWeight).toBe(peer.weight)
        },
      ),
      { numRuns: 500 },
    )
  })
})
