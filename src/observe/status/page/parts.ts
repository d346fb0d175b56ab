/** The smaller parts of the page. See `words.ts` for how they are written. */
import type { HistoryReport, Percentiles } from '../report.js'
import type { Tree } from './tree.js'
import { WORDS } from './words.js'

export const PARTS = {
  ...WORDS,

  tile(name: string, value: string, more: readonly Tree[] = []): Tree {
    return ['div', { class: 'tile' }, ['dt', {}, name], ['dd', {}, ['b', {}, value], ...more]]
  },

  small(text: string): Tree {
    return ['small', {}, text]
  },

  cell(label: string, ...children: Tree[]): Tree {
    return ['td', { role: 'cell', 'data-label': label }, ['div', {}, ...children]]
  },

  section(id: string, title: string, ...children: Tree[]): Tree {
    return [
      'section',
      { 'data-key': id, 'aria-labelledby': `${id}-title` },
      ['h2', { id: `${id}-title` }, title],
      ...children,
    ]
  },

  sum(counts: readonly number[]): string {
    return String(counts.reduce((a, b) => a + b, 0))
  },

  /** A line of what was asked, and bars where it failed. */
  requestLine({ requests, failures }: HistoryReport, spanMs: number): Tree {
    const most = Math.max(1, ...requests)
    const label = `Last ${this.span(requests.length * spanMs)}: ${this.sum(requests)} requests, ${this.sum(failures)} failed`
    const bars = failures.flatMap((count, i): Tree[] => {
      if (count === 0) return []
      const height = Math.max(2, (count / most) * 22)
      return [
        [
          'rect',
          {
            class: 'bad',
            x: String(i * 2),
            width: '2',
            y: (24 - height).toFixed(1),
            height: height.toFixed(1),
          },
        ],
      ]
    })
    return this.chart(label, [...bars, this.line(requests, most)])
  },

  latencyLine({ p99 }: HistoryReport, spanMs: number): Tree {
    const most = Math.max(...p99)
    const label = `Latency p99, last ${this.span(p99.length * spanMs)}: at most ${this.time(most)}`
    return this.chart(label, most <= 0 ? [] : [this.line(p99, most)])
  },

  chart(label: string, children: readonly Tree[]): Tree {
    const shape = { class: 'chart', viewBox: '0 0 120 24', preserveAspectRatio: 'none' }
    return [
      'svg',
      { ...shape, role: 'img', 'aria-label': label },
      ['title', {}, label],
      ...children,
    ]
  },

  /** Where nothing is known (-1) the line has a gap; where it is level, two points will do. */
  line(values: readonly number[], most: number): Tree {
    let path = ''
    values.forEach((value, i) => {
      const isStart = i === 0 || (values[i - 1] ?? -1) < 0
      const y = (23 - (value / most) * 22).toFixed(1)
      const isLevel = value === values[i - 1] && value === values[i + 1]
      if (value >= 0 && !isLevel) path += `${isStart ? 'M' : 'L'}${String(i * 2 + 1)} ${y}`
    })
    return ['path', { class: 'line', d: path }]
  },

  latency(percentiles: Percentiles | null): Tree[] {
    if (percentiles === null) return ['–']
    const { p50, p90, p99 } = percentiles
    return [`${this.time(p50)} `, this.small(`p90 ${this.time(p90)}, p99 ${this.time(p99)}`)]
  },
}
