import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { chanceOfAllOut } from '../../../src/observe/early-warning.js'

const MINUTE = 60_000

describe('chanceOfAllOut', () => {
  it('is 0 when a peer has not been marked', () => {
    expect(chanceOfAllOut([], MINUTE, MINUTE)).toBe(0)
    const peers = [
      { marks: 5, outFor: 1000 },
      { marks: 0, outFor: 1000 },
    ]
    expect(chanceOfAllOut(peers, MINUTE, MINUTE)).toBe(0)
  })

  it('of one peer is the chance of another mark', () => {
    const rate = 1 / (MINUTE + 1000)
    expect(chanceOfAllOut([{ marks: 1, outFor: 1000 }], MINUTE, MINUTE)).toBeCloseTo(
      1 - Math.exp(-rate * MINUTE),
      10,
    )
  })

  it('of two is what a simulation of them comes to', () => {
    const peer = { marks: 6, outFor: 10_000 }
    const horizon = 10 * MINUTE
    const expected = simulated(peer, 10 * MINUTE, horizon)
    expect(chanceOfAllOut([peer, peer], 10 * MINUTE, horizon)).toBeCloseTo(expected, 1)
  })

  it('grows with marks, with their length and with time, and falls with peers; and is a chance', () => {
    const peer = fc.record({
      marks: fc.integer({ min: 1, max: 200 }),
      outFor: fc.integer({ min: 1, max: 600_000 }),
    })
    fc.assert(
      fc.property(fc.array(peer, { minLength: 1, maxLength: 8 }), peer, (peers, more) => {
        const chance = chanceOfAllOut(peers, 600_000, 3_600_000)
        expect(chance).toBeGreaterThanOrEqual(0)
        expect(chance).toBeLessThanOrEqual(1)
        expect(chanceOfAllOut(peers, 600_000, 7_200_000)).toBeGreaterThanOrEqual(chance)
        const longer = peers.map(({ marks, outFor }) => ({ marks, outFor: outFor * 2 }))
        if (peers.length > 1)
          expect(chanceOfAllOut([...peers, { ...more, marks: 0 }], 600_000, 3_600_000)).toBe(0)
        if (
          peers.every(({ marks, outFor }) => (marks / 600_000) * outFor < 0.1) &&
          peers.length > 1
        )
          expect(chanceOfAllOut(longer, 600_000, 3_600_000)).toBeGreaterThanOrEqual(chance)
      }),
    )
  })
})

/** Two peers that go in and out by themselves; how often they are out together at least once. */
function simulated(
  { marks, outFor }: { marks: number; outFor: number },
  window: number,
  horizon: number,
): number {
  let seed = 1
  const random = (): number => {
    seed = (seed * 48_271) % 2_147_483_647
    return seed / 2_147_483_647
  }
  const outages = (): [number, number][] => {
    const list: [number, number][] = []
    for (let at = 0; ;) {
      at += (-Math.log(random()) * window) / marks
      if (at > horizon) return list
      list.push([at, (at += -Math.log(random()) * outFor)])
    }
  }
  let hits = 0
  for (let run = 0; run < 4000; run++) {
    const [one, other] = [outages(), outages()]
    if (one.some(([from, to]) => other.some(([start, end]) => from < end && start < to))) hits++
  }
  return hits / 4000
}
