import { describe, expect, it } from 'vitest'
import { dimensionsOf, mostConnections, shown } from '../../../examples/bench/growth/dimensions.js'
import { apart, logPosition, plotOf, ticksOf } from '../../../examples/bench/growth/plot.js'

describe('logPosition', () => {
  it('stands at equal distances for equal ratios', () => {
    const at = [10, 100, 1000].map((value) => logPosition([10, 100, 1000], value))
    expect(at[0]).toBe(0)
    expect(at[1]).toBeCloseTo(0.5)
    expect(at[2]).toBeCloseTo(1)
  })

  it('has a place for 0, before all others', () => {
    const values = [0, 1024, 16_384]
    expect(logPosition(values, 0)).toBe(0)
    expect(logPosition(values, 1024)).toBeCloseTo(1 / 3)
    expect(logPosition(values, 16_384)).toBeCloseTo(1)
  })
})

describe('ticksOf', () => {
  it('covers all that was measured with round figures', () => {
    expect(ticksOf(12, 110, 'linear')).toEqual([0, 50, 100, 150])
    expect(ticksOf(12, 100, 'linear')).toEqual([0, 20, 40, 60, 80, 100])
    expect(ticksOf(12, 1700, 'log')).toEqual([10, 100, 1000, 10_000])
  })
})

describe('apart', () => {
  it('moves labels that would cover each other down, in their order', () => {
    expect(apart([100, 98, 300])).toEqual([113, 98, 300])
  })
})

describe('plotOf', () => {
  const dimension = {
    title: 'Peers & <more>',
    axis: 'peers',
    unit: 'count' as const,
    scale: 'linear' as const,
    values: [2, 1000],
  }
  const line = (contender: string, ...us: number[]) => ({
    contender,
    points: us.map((each, i) => ({ value: dimension.values[i]!, us: each, rate: 1 })),
  })

  it('draws a line for each contender, within the frame', () => {
    const svg = plotOf(dimension, [line('x', 10, 20), line('y "z"', 30, 40)])
    expect(svg.match(/<path class="line/g)).toHaveLength(2)
    expect(svg.match(/<circle/g)).toHaveLength(4)
    expect(svg).toContain('Peers &amp; &lt;more>')
    expect(svg).toContain('y &quot;z&quot;')
    expect(svg).toContain('prefers-color-scheme: dark')
    expect(svg).not.toMatch(/NaN|Infinity|undefined/)
    const places = [...svg.matchAll(/cy="([\d.]+)"/g)].map(([, y]) => Number(y))
    expect(places).toEqual([...places].sort((a, b) => b - a))
    for (const y of places) expect(y).toBeGreaterThan(0)
  })
})

describe('dimensions', () => {
  it('are made for the files that there are', () => {
    expect(mostConnections(20_000)).toBe(9500)
    const [connections] = dimensionsOf(9500)
    expect(connections?.values).toEqual([64, 1000, 9500])
    expect(dimensionsOf(1_000_000)[0]?.values.at(-1)).toBe(10_000)
  })

  it('are measured with one thing changed', () => {
    const settings = dimensionsOf(9500).map(({ values, setting }) => setting(values.at(-1)!))
    expect(settings).toEqual([
      { peers: 2, path: '/small', load: { connections: 9500 } },
      { peers: 1000, path: '/small', load: { connections: 64 } },
      { peers: 2, path: '/fields/100', load: { connections: 64, fields: 100 } },
      { peers: 2, path: '/body/1048576', load: { connections: 64 } },
      { peers: 2, path: '/take', load: { connections: 64, body: 1_048_576 } },
    ])
  })

  it('are shown shortly', () => {
    expect([0, 1024, 262_144, 1_048_576].map((size) => shown(size, 'bytes'))).toEqual([
      ...['0', '1k', '256k', '1M'],
    ])
    expect(shown(9500, 'count')).toBe('9,500')
  })
})
