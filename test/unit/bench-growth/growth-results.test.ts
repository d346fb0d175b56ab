import { describe, expect, it } from 'vitest'
import { medianOf, merged } from '../../../examples/bench/growth/results.js'
import type { Point } from '../../../examples/bench/growth/results.js'
import { betweenMarkers, growthOf, markdownTable } from '../../../examples/bench/growth/table.js'

const point = (value: number, us: number): Point => ({ value, us, rate: 1000 })

describe('medianOf', () => {
  it('takes the middle one, and the lower of two', () => {
    expect(medianOf([point(1, 30), point(1, 10), point(1, 20)]).us).toBe(20)
    expect(medianOf([point(1, 30), point(1, 10)]).us).toBe(10)
  })

  it('does not hide the trouble of another round', () => {
    const rounds = [point(1, 10), { ...point(1, 20), trouble: 'Socket errors' }, point(1, 15)]
    expect(medianOf(rounds)).toEqual({ ...point(1, 15), trouble: 'Socket errors' })
  })

  it('has no median of nothing', () => {
    expect(() => medianOf([])).toThrow('nothing was measured')
  })
})

describe('merged', () => {
  const line = (contender: string, us: number) => ({ contender, points: [point(1, us)] })

  it('replaces lines of the same name and keeps the others', () => {
    const before = {
      node: 'v1',
      dimensions: { a: [line('x', 1), line('y', 2)], b: [line('x', 3)] },
    }
    const now = { node: 'v2', dimensions: { a: [line('x', 9)], c: [line('z', 4)] } }
    expect(merged(before, now)).toEqual({
      node: 'v2',
      dimensions: { a: [line('y', 2), line('x', 9)], b: [line('x', 3)], c: [line('z', 4)] },
    })
  })

  it('begins with what there is', () => {
    const now = { node: 'v2', dimensions: { a: [line('x', 9)] } }
    expect(merged(undefined, now)).toEqual(now)
  })
})

describe('markdownTable', () => {
  const dimension = { title: 'T', unit: 'bytes' as const, values: [0, 1024, 1_048_576] }

  it('has a column a value, a dash for what is missing, and a mark for trouble', () => {
    const lines = [
      {
        contender: 'x',
        points: [point(0, 10), { ...point(1024, 20.04), trouble: 't' }, point(1_048_576, 1500)],
      },
      { contender: 'y', points: [point(0, 10)] },
    ]
    expect(markdownTable(dimension, lines)).toBe(
      [
        '| µs CPU a request |    0 |       1k |   1M |  growth |',
        '| ---------------- | ---: | -------: | ---: | ------: |',
        '| x                | 10.0 | 20.0 (!) | 1500 | 150.00x |',
        '| y                | 10.0 |        – |    – |   1.00x |',
      ].join('\n'),
    )
  })

  it('tells the growth from the first point to the last', () => {
    expect(growthOf([point(1, 10), point(2, 5), point(3, 25)])).toBe('2.50x')
    expect(growthOf([])).toBe('–')
  })
})

describe('betweenMarkers', () => {
  const document = 'a\n<!-- growth:begin -->\nold\n<!-- growth:end -->\nz\n'

  it('replaces what is between them, and nothing else', () => {
    const once = 'a\n<!-- growth:begin -->\n\nnew\n\n<!-- growth:end -->\nz\n'
    expect(betweenMarkers(document, 'new')).toBe(once)
    expect(betweenMarkers(once, 'new')).toBe(once)
  })

  it.each(['', '<!-- growth:begin -->', '<!-- growth:end --><!-- growth:begin -->'])(
    'refuses a document without them: %j',
    (text) => {
      expect(() => betweenMarkers(text, 'new')).toThrow('the document has no')
    },
  )
})
