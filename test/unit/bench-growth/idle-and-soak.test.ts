import { describe, expect, it } from 'vitest'
import { isWhole } from '../../../examples/bench/idle/connections.js'
import { excessOf, perConnection } from '../../../examples/bench/idle/per-connection.js'
import { median, slopeOf, verdictOf } from '../../../examples/bench/soak/verdict.js'
import type { Sample } from '../../../examples/bench/soak/verdict.js'

describe('perConnection', () => {
  it('is what has been added, by number', () => {
    const before = { rss: 1000, heapUsed: 500, external: 100 }
    const after = { rss: 3000, heapUsed: 1500, external: 90 }
    expect(perConnection(before, after, 10)).toEqual({ rss: 200, heapUsed: 100, external: -1 })
  })
})

describe('excessOf', () => {
  it('is what a connection has here and not there, the most first', () => {
    const of = (count: number, size: number) => ({ count, bytes: count * size })
    const before = { Socket: of(5, 100) }
    const after = { Socket: of(15, 100), Peer: of(20, 50), Map: of(1, 5) }
    const bare = { before: {}, after: { Socket: of(10, 90), Gone: of(10, 8) } }
    const rows = excessOf({ before, after }, bare, 10)
    expect(rows.map(({ name }) => name)).toEqual(['Peer', 'Socket', 'Gone'])
    expect(rows[0]).toEqual({ name: 'Peer', count: 2, bytes: 100, bareCount: 0, bareBytes: 0 })
    expect(rows[1]).toMatchObject({ count: 1, bytes: 100, bareBytes: 90 })
  })
})

describe('isWhole', () => {
  const head = 'HTTP/1.1 200 OK\r\nContent-Length: 3\r\nX: y\r\n\r\n'

  it('waits for the last byte of the body', () => {
    expect(isWhole(head.slice(0, -2))).toBe(false)
    expect(isWhole(`${head}ab`)).toBe(false)
    expect(isWhole(`${head}abc`)).toBe(true)
  })

  it('never ends without a length', () => {
    expect(isWhole('HTTP/1.1 200 OK\r\n\r\nabc')).toBe(false)
  })
})

const samples = (heap: (i: number) => number, count = 40): Sample[] =>
  Array.from({ length: count }, (_, i) => ({
    at: i * 15,
    heapUsed: heap(i),
    rss: 1e8,
    files: 100,
    connections: 64,
  }))

describe('verdictOf', () => {
  it('is flat up to 5 percent, and not beyond', () => {
    expect(
      verdictOf(
        samples((i) => (i < 20 ? 100 : 105)),
        0,
        'heapUsed',
      ).flat,
    ).toBe(true)
    expect(
      verdictOf(
        samples((i) => (i < 20 ? 100 : 106)),
        0,
        'heapUsed',
      ).flat,
    ).toBe(false)
  })

  it('leaves the warm-up out, and does not mind what shrinks', () => {
    expect(
      verdictOf(
        samples((i) => (i < 8 ? 10 : 100)),
        120,
        'heapUsed',
      ),
    ).toMatchObject({
      firstMedian: 100,
      lastMedian: 100,
      slope: 0,
      flat: true,
    })
    expect(
      verdictOf(
        samples((i) => 1000 - i),
        0,
        'heapUsed',
      ).flat,
    ).toBe(true)
  })

  it('tells the slope an hour', () => {
    expect(
      verdictOf(
        samples((i) => 100 + i),
        0,
        'heapUsed',
      ).slope,
    ).toBeCloseTo(240)
  })

  it('wants samples', () => {
    expect(() =>
      verdictOf(
        samples(() => 1, 5),
        60,
        'heapUsed',
      ),
    ).toThrow(RangeError)
  })
})

describe('median and slope', () => {
  it('are those of the textbooks', () => {
    expect(median([3, 1, 2])).toBe(2)
    expect(median([4, 1, 2, 3])).toBe(2.5)
    expect(median([])).toBeNaN()
    expect(
      slopeOf(
        samples((i) => 30 * i),
        'heapUsed',
      ),
    ).toBeCloseTo(2)
    expect(
      slopeOf(
        samples(() => 7, 1),
        'heapUsed',
      ),
    ).toBe(0)
  })
})
