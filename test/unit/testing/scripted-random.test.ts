import { describe, expect, it } from 'vitest'
import { scriptedRandom } from 'evenkeel/testing'

describe('scriptedRandom with values', () => {
  it('gives them in turn and then throws', () => {
    const random = scriptedRandom([0.25, 0, 0.75])
    expect([random(), random(), random()]).toEqual([0.25, 0, 0.75])
    expect(random.calls).toBe(3)
    expect(() => random()).toThrow('all 3 values are used up')
    expect(random.calls).toBe(3)
  })

  it('starts again with repeat', () => {
    const random = scriptedRandom([0.1, 0.2], { repeat: true })
    expect([random(), random(), random(), random(), random()]).toEqual([0.1, 0.2, 0.1, 0.2, 0.1])
  })

  it('throws for an empty list even with repeat', () => {
    expect(() => scriptedRandom([], { repeat: true })()).toThrow('used up')
  })

  it.each([1, -0.1, Number.NaN, Infinity])(
    'refuses %s, which Math.random would not give',
    (bad) => {
      expect(() => scriptedRandom([0.5, bad])).toThrow(RangeError)
    },
  )

  it('is not changed through the list it was given', () => {
    const values = [0.5]
    const random = scriptedRandom(values)
    values[0] = 0.9
    expect(random()).toBe(0.5)
  })
})

describe('scriptedRandom with a seed', () => {
  it('is mulberry32', () => {
    const random = scriptedRandom(1)
    // Known values of the published algorithm for seed 1.
    expect([random(), random(), random()]).toEqual([
      0.6270739405881613, 0.002735721180215478, 0.5274470399599522,
    ])
  })

  it('gives the same sequence for the same seed only', () => {
    const take = (seed: number): number[] => {
      const random = scriptedRandom(seed)
      return Array.from({ length: 20 }, random)
    }
    expect(take(42)).toEqual(take(42))
    expect(take(42)).not.toEqual(take(43))
  })

  it('is uniform enough, in [0, 1), and has no end', () => {
    const random = scriptedRandom(7)
    const buckets = new Array<number>(10).fill(0)
    for (let i = 0; i < 100_000; i++) buckets[Math.floor(random() * 10)]!++
    expect(buckets).toHaveLength(10)
    for (const count of buckets) expect(Math.abs(count - 10_000)).toBeLessThan(500)
  })

  it('refuses a seed that is no integer', () => {
    expect(() => scriptedRandom(0.5)).toThrow(RangeError)
  })
})
