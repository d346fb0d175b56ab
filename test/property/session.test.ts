import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { Lease, PeerSession } from '../../src/upstream/peer-session.js'
import { group, open } from '../unit/upstream/group.js'

const peers = fc.array(
  fc.record({
    weight: fc.integer({ min: 1, max: 4 }),
    maxConns: fc.nat(3),
    maxFails: fc.nat(3),
    failTimeout: fc.constantFrom(0, 1000, 10_000),
    backup: fc.boolean(),
    down: fc.boolean(),
  }),
  { minLength: 1, maxLength: 6 },
)

const action = fc.oneof(
  { weight: 4, arbitrary: fc.record({ do: fc.constant('next' as const), session: fc.nat(3) }) },
  {
    weight: 4,
    arbitrary: fc.record({
      do: fc.constantFrom('ok', 'next-peer', 'failed', 'status', 'refund', 'answered', 'twice'),
      lease: fc.nat(30),
      reused: fc.boolean(),
    }),
  },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('open' as const), session: fc.nat(3) }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('pass' as const), ms: fc.nat(12_000) }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('probe' as const), peer: fc.nat(5) }) },
)

describe('sessions and leases, whatever happens', () => {
  it('connections are the leases that are out; nobody is tried twice; nothing is used that may not be', () => {
    fc.assert(
      fc.property(
        peers,
        fc.array(action, { maxLength: 80 }),
        fc.constantFrom('try' as const, 'wait' as const, 'fail' as const),
        fc.boolean(),
        (list, actions, whenNoneLive, nginx) => {
          const { registry, clock } = group(
            Object.fromEntries(list.map((peer, index) => [`p${String(index)}`, peer])),
            { whenNoneLive, nginx },
          )
          const renew = (): { session: PeerSession; tried: string[] } => ({
            session: open(registry),
            tried: [],
          })
          const sessions = [renew(), renew(), renew(), renew()]
          const leases: { lease: Lease; out: boolean }[] = []
          for (const step of actions) {
            if (step.do === 'pass') clock.advance('ms' in step ? step.ms : 0)
            else if (step.do === 'probe') {
              const peer = registry.peers['peer' in step ? step.peer : 0]
              if (peer !== undefined) registry.proved(peer)
            } else if (step.do === 'open') sessions['session' in step ? step.session : 0] = renew()
            else if ('session' in step) {
              const one = sessions[step.session]
              if (one === undefined) continue
              const outlook = one.session.outlook()
              const statuses = registry.peers.map((peer) => registry.status(peer))
              const lease = one.session.next()
              if (outlook === 'none') expect(lease).toBeUndefined()
              if (lease === undefined) {
                // Passive marks alone never end in "no live upstreams".
                const untried = registry.peers.filter((peer) => !one.tried.includes(peer.name))
                if (whenNoneLive === 'try') {
                  expect(untried.filter((peer) => registry.usable(peer))).toEqual([])
                }
                continue
              }
              const { peer } = lease
              const was = statuses[peer.index] ?? ''
              expect(whenNoneLive === 'try' ? ['up', 'ejected'] : ['up']).toContain(was)
              if (was === 'ejected') expect(outlook).toBe('marked')
              if (!(nginx && registry.single)) expect(one.tried).not.toContain(peer.name)
              one.tried.push(peer.name)
              leases.push({ lease, out: true })
            } else if ('lease' in step) {
              const found = leases[step.lease]
              if (found === undefined) continue
              const { lease } = found
              if (step.do === 'answered') lease.answered(step.reused, true)
              else if (step.do === 'refund') lease.refund()
              else {
                if (step.do === 'failed') lease.fail('error', step.reused ? 'answer' : 'connect')
                if (step.do === 'status') lease.fail('status', 'answer')
                const failed = step.do === 'failed' || step.do === 'status'
                lease.release(failed ? 'failed' : step.do === 'ok' ? 'ok' : 'next')
                found.out = false
              }
            }
            for (const peer of registry.peers) {
              const out = leases.filter((one) => one.out && one.lease.peer === peer).length
              expect(peer.connections).toBe(out)
              expect(peer.maxConns === 0 || peer.connections <= peer.maxConns).toBe(true)
              expect(peer.effectiveWeight).toBeGreaterThanOrEqual(0)
              expect(peer.effectiveWeight).toBeLessThanOrEqual(peer.weight)
              expect(peer.fails).toBeGreaterThanOrEqual(0)
              expect(peer.ledgers.transport).toBeGreaterThanOrEqual(0)
              expect(peer.ledgers.status).toBeGreaterThanOrEqual(0)
              if (peer.maxFails === 0) expect(registry.status(peer)).not.toBe('ejected')
            }
          }
          for (const { lease } of leases) lease.release('next')
          expect(registry.peers.map((peer) => peer.connections)).toEqual(list.map(() => 0))
        },
      ),
      { numRuns: 400 },
    )
  })
})
