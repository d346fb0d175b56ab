import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { leastConn } from '../../src/selection/least-conn.js'
import { roundRobin } from '../../src/selection/round-robin.js'
import { exhaust, group, names, open } from '../unit/upstream/group.js'

const weights = fc.array(fc.integer({ min: 1, max: 20 }), { minLength: 1, maxLength: 8 })
const peersOf = (list: readonly number[]): Record<string, { weight: number }> =>
  Object.fromEntries(list.map((weight, index) => [`p${String(index)}`, { weight }]))
const selectors = fc.constantFrom(roundRobin, leastConn)

describe('smooth weighted round robin', () => {
  it('Σ current weights = 0 after each step, whoever is eligible and however weights were lowered', () => {
    const step = fc.record({
      down: fc.array(fc.boolean(), { minLength: 8, maxLength: 8 }),
      lowered: fc.array(fc.nat(20), { minLength: 8, maxLength: 8 }),
    })
    fc.assert(
      fc.property(weights, fc.array(step, { maxLength: 30 }), selectors, (list, steps, make) => {
        const { registry } = group(peersOf(list), { selector: make() })
        for (const { down, lowered } of steps) {
          registry.peers.forEach((peer, index) => {
            peer.draining = down[index] ?? false
            peer.effectiveWeight = Math.max(0, peer.effectiveWeight - (lowered[index] ?? 0))
          })
          open(registry).next()?.release('ok')
          const sum = registry.peers.reduce((total, peer) => total + peer.currentWeight, 0)
          expect(sum).toBe(0)
        }
      }),
    )
  })

  it('over Σ weights picks each peer is chosen weight times, from any whole cycle on', () => {
    fc.assert(
      fc.property(weights, fc.nat(3), selectors, (list, cycles, make) => {
        const { registry } = group(peersOf(list), { selector: make() })
        const total = list.reduce((sum, weight) => sum + weight, 0)
        for (let cycle = 0; cycle <= cycles; cycle++) {
          const picks = list.map(() => 0)
          for (let i = 0; i < total; i++) {
            const lease = open(registry).next()
            if (lease === undefined) throw new Error('nobody')
            const { index } = lease.peer
            picks[index] = (picks[index] ?? 0) + 1
            lease.release('ok')
          }
          expect(picks).toEqual(list)
        }
      }),
    )
  })

  it('is smooth: no peer is ever more than one pick ahead of its share', () => {
    fc.assert(
      fc.property(weights, (list) => {
        const { registry } = group(peersOf(list))
        const total = list.reduce((sum, weight) => sum + weight, 0)
        const picks = list.map(() => 0)
        for (let n = 1; n <= total; n++) {
          const lease = open(registry).next()
          const index = lease?.peer.index ?? -1
          picks[index] = (picks[index] ?? 0) + 1
          lease?.release('ok')
          const share = (n * (list[index] ?? 0)) / total
          expect(picks[index] ?? 0).toBeLessThan(share + 1 + 1e-9)
        }
      }),
    )
  })
})

describe('least_conn', () => {
  it('never gives to a peer with a higher load by weight than another eligible one', () => {
    const loads = fc.array(fc.tuple(fc.integer({ min: 1, max: 10 }), fc.nat(30)), {
      minLength: 1,
      maxLength: 8,
    })
    fc.assert(
      fc.property(loads, (list) => {
        const { registry } = group(peersOf(list.map(([weight]) => weight)), {
          selector: leastConn(),
        })
        list.forEach(([, connections], index) => {
          const peer = registry.peers[index]
          if (peer !== undefined) peer.connections = connections
        })
        const before = registry.peers.map((peer) => peer.connections / peer.weight)
        const picked = open(registry).next()?.peer.index ?? -1
        expect(before[picked]).toBe(Math.min(...before))
      }),
    )
  })
})

describe('any selector', () => {
  it('gives every eligible peer once and nobody else', () => {
    const peers = fc.array(
      fc.record({
        weight: fc.integer({ min: 1, max: 5 }),
        down: fc.boolean(),
        backup: fc.boolean(),
      }),
      { minLength: 1, maxLength: 8 },
    )
    fc.assert(
      fc.property(peers, selectors, (list, make) => {
        const { registry } = group(
          Object.fromEntries(list.map((peer, index) => [`p${String(index)}`, peer])),
          { selector: make(), whenNoneLive: 'fail' },
        )
        const picked = names(exhaust(open(registry)))
        const up = registry.peers.filter((peer) => !peer.down)
        expect(new Set(picked).size).toBe(picked.length)
        expect([...picked].sort()).toEqual(up.map((peer) => peer.name).sort())
        const primaries = up.filter((peer) => !peer.backup).length
        expect(registry.tiers[0]?.peers.map((peer) => peer.name)).toEqual(
          expect.arrayContaining(picked.slice(0, primaries)),
        )
      }),
    )
  })

  it('makes the same choices again', () => {
    fc.assert(
      fc.property(
        weights,
        fc.array(fc.boolean(), { maxLength: 40 }),
        selectors,
        (list, releases, make) => {
          const trace = (): string[] => {
            const { registry } = group(peersOf(list), { selector: make() })
            return releases.map((release) => {
              const lease = open(registry).next()
              if (release) lease?.release('ok')
              return lease?.peer.name ?? '-'
            })
          }
          expect(trace()).toEqual(trace())
        },
      ),
    )
  })
})
