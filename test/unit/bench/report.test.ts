import { describe, expect, it } from 'vitest'
import { chartOf } from '../../../examples/bench/report/chart.js'
import { merged, withResults } from '../../../examples/bench/report/document.js'
import { bestLibrary, linesOf } from '../../../examples/bench/report/results.js'
import { median, rotate, spreadOf } from '../../../examples/bench/report/statistics.js'
import { element, escapeXml } from '../../../examples/bench/report/svg.js'
import {
  factCells,
  markdownTable,
  notesOf,
  resultCells,
  textTable,
} from '../../../examples/bench/report/table.js'
import { nginx, result, row, sample } from './results.js'

describe('statistics', () => {
  it('takes the middle one, or the mean of two', () => {
    expect(median([10, 9, 100])).toBe(10)
    expect(median([4, 1, 3, 2])).toBe(2.5)
    expect(median([7])).toBe(7)
    expect(() => median([])).toThrow('no values')
  })

  it('does not change what it is given', () => {
    const values = [3, 1, 2]
    expect(spreadOf(values)).toEqual({ median: 2, min: 1, max: 3 })
    expect(values).toEqual([3, 1, 2])
  })

  it('rotates', () => {
    expect(rotate(['a', 'b', 'c'], 1)).toEqual(['b', 'c', 'a'])
    expect(rotate(['a', 'b', 'c'], 5)).toEqual(['c', 'a', 'b'])
    expect(rotate([], 3)).toEqual([])
  })
})

describe('ratios', () => {
  it('are of medians, to nginx and to the best library', () => {
    const rows = [nginx(10), row('slow', [90, 80, 100]), row('fast', [40]), row('evenkeel', [30])]
    const evenkeel = rows.map((each) =>
      each.contender === 'evenkeel' ? { ...each, kind: 'evenkeel' as const } : each,
    )
    const lines = linesOf(result(evenkeel))
    expect(lines.map(({ toNginx }) => toNginx)).toEqual([1, 9, 4, 3])
    expect(lines.map(({ toBest }) => toBest)).toEqual([0.25, 2.25, 1, 0.75])
  })

  it('are to the best library under the same Node', () => {
    const rows = [row('a', [40]), row('a', [20], { node: 'v24.0.0' }), nginx(10)]
    const lines = linesOf(result(rows))
    expect(lines.map(({ toBest }) => toBest)).toEqual([1, 1, 0.5])
  })

  it('are not to a library with errors, nor to what is no library', () => {
    const failing = row('failing', [], { samples: [sample(1, { errors: '1 read' })] })
    const rows = [failing, row('by hand', [2], { kind: 'by hand' }), row('good', [3])]
    expect(bestLibrary(rows, undefined)?.contender).toBe('good')
  })

  it('are left out where there is nothing to compare with', () => {
    const [line] = linesOf(result([row('evenkeel', [30], { kind: 'evenkeel' })]))
    expect(line).toMatchObject({ toNginx: undefined, toBest: undefined })
  })
})

describe('tables', () => {
  it('have medians, the spread of the CPU time, and ratios', () => {
    const [titles, first] = resultCells(result([row('a', [40, 41.26, 90])]))
    expect(titles?.[1]).toBe('CPU µs/request')
    const cells = ['a', '41.3', '40.0–90.0', '', '1.00×', '12,346', '1.23', '12.3', '20.0', '64']
    expect(first).toEqual([...cells, 'none'])
  })

  it('mark rows with errors', () => {
    const samples = [sample(1), sample(1, { errors: '2 status' })]
    const cells = resultCells(result([row('a', [], { samples })]))
    expect(cells[1]?.[0]).toBe('! a')
    expect(cells[1]?.at(-1)).toBe('2 status')
  })

  it('compare the p99 with that of peers that are all alive', () => {
    const alive = result([row('a', [], { samples: [sample(1, { p99: 5 })] })])
    const [titles = [], first = []] = resultCells(result([row('a', [1]), row('b', [1])]), alive)
    expect(first[titles.indexOf('p99, all alive')]).toBe('5.00')
  })

  it('name the Node where there are several', () => {
    const cells = resultCells(result([row('a', [1]), row('a', [1], { node: 'v24.0.0' }), nginx(1)]))
    expect(cells.map(([name]) => name)).toEqual(['', 'a, Node v20.1.0', 'a, Node v24.0.0', 'nginx'])
  })

  it('leave out who was not measured, and say why once', () => {
    const missing = { samples: [], missing: 'cannot' }
    const rows = [row('a', [1]), row('b', [], missing), row('c', [], missing)]
    expect(resultCells(result(rows))).toHaveLength(2)
    expect(notesOf(result(rows))).toEqual([
      'Best library under Node 20.1.0: a.',
      'Not measured: b, c: cannot.',
    ])
  })

  it('say who was disturbed', () => {
    const samples = [sample(1, { foreign: 0.04 }), sample(1, { foreign: 0.12 })]
    const notes = notesOf(result([row('a', [], { samples }), row('b', [1])]))
    expect(notes).toContain('Disturbed by other work on the machine: a (up to 12 %).')
  })

  it('have what was seen of a contender once', () => {
    const facts = { forwardedFor: 'appended', hopByHop: 'removed', deadPeer: 'error' } as const
    const cells = factCells([row('a', [1], { facts }), row('a', [2], { facts }), row('b', [1])])
    expect(cells).toHaveLength(3)
    expect(cells[1]?.slice(0, 4)).toEqual(['a', 'appended', 'removed', 'error'])
    expect(cells[2]?.slice(0, 4)).toEqual(['b', '–', '–', '–'])
  })

  it('are aligned for the terminal', () => {
    const cells = [
      ['', 'x'],
      ['long', '12'],
    ]
    expect(textTable(cells, 'figures')).toBe('       x\nlong  12')
    expect(textTable(cells, 'words')).toBe('      x\nlong  12')
  })

  it('are safe in Markdown', () => {
    const cells = [['a'], ['x|y \\ <b>']]
    expect(markdownTable(cells, 'words')).toBe('| a |\n| --- |\n| x\\|y \\\\ &lt;b> |')
  })
})

describe('SVG', () => {
  it('escapes text and attributes, and leaves out what XML has no place for', () => {
    expect(escapeXml(`<a b="c" d='e'>&\u0000\u001b\n`)).toBe(
      '&lt;a b=&quot;c&quot; d=&#39;e&#39;&gt;&amp;\n',
    )
    expect(element('rect', { x: 1.23456, class: '"><script>' })).toBe(
      '<rect x="1.23" class="&quot;&gt;&lt;script&gt;"/>',
    )
  })

  it('draws a bar for each contender, the best one first', () => {
    const svg = chartOf(result([row('slow & old', [90]), row('fast', [30]), nginx(10)]))
    const bars = [...svg.matchAll(/<rect class="[\w-]+" x="\d+" y="\d+" width="([\d.]+)"/g)]
    expect(bars.map(([, width]) => Number(width))).toEqual([48.89, 146.67, 440])
    expect(svg).toContain('slow &amp; old')
    expect(svg).toContain('small &lt;GET&gt;')
    expect(svg).toContain('prefers-color-scheme: dark')
    expect(svg).not.toContain('NaN')
  })

  it('draws nobody, too', () => {
    expect(chartOf(result([]))).not.toContain('NaN')
  })
})

describe('the document', () => {
  const begin = '<!-- results:begin (written by `npm run bench -- --save`) -->'
  const document = `before\n${begin}\nold\n<!-- results:end -->\nafter\n`

  it('has its results between the markers, and keeps the rest', () => {
    const text = withResults(document, { format: 1, scenarios: { get: result([row('a', [1])]) } })
    expect(text.startsWith(`before\n${begin}`)).toBe(true)
    expect(text.endsWith('<!-- results:end -->\nafter\n')).toBe(true)
    expect(text).not.toContain('old')
    expect(text).toContain('bench/get.svg')
    expect(text).toContain('| a | 1.0 |')
    expect(text).toContain('Measured 2026-01-02 03:04 UTC')
  })

  it('says so when the markers are lost', () => {
    expect(() => withResults('no markers', { format: 1, scenarios: {} })).toThrow('results:begin')
  })

  it('keeps scenarios that were not measured this time', () => {
    const old = { get: result([row('a', [1])]), tls: result([], { scenario: 'tls' }) }
    const fresh = { get: result([row('a', [2])]) }
    const all = merged({ format: 1, scenarios: old }, { format: 1, scenarios: fresh })
    expect(all.scenarios).toEqual({ get: fresh.get, tls: old.tls })
  })
})
