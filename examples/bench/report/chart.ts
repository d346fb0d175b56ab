/** A scenario as bars: the CPU time of each contender, shortest is best, with the spread of its rounds. */
import { linesOf, nameOf } from './results.js'
import type { Line, ScenarioResult } from './results.js'
import { drawing, element, text } from './svg.js'

const LABELS = 250
const BARS = 440
const FIGURES = 130
const ROW = 26
const TOP = 58
const BOTTOM = 30

/** Colours that stand on white and on black; the page's own background shows through. */
const STYLE = `
text { font: 13px system-ui, sans-serif; fill: #1f2328 }
.title { font-weight: 600; font-size: 15px }
.small { font-size: 11px; fill: #59636e }
.server { fill: #6e7781 } .floor { fill: #afb8c1 } .by-hand { fill: #b8860b }
.library { fill: #d9773f } .evenkeel { fill: #2477c9 }
.spread { stroke: #1f2328; stroke-width: 1.5 }
@media (prefers-color-scheme: dark) {
  text { fill: #f0f6fc } .small { fill: #9198a1 } .spread { stroke: #f0f6fc }
  .floor { fill: #57606a } .library { fill: #e08a55 } .evenkeel { fill: #4c9aea }
}
`

function bar(line: Line, index: number, largest: number, name: string): string {
  const { cpu, row, errors } = line
  const x = (value: number) => LABELS + (value / largest) * BARS
  const y = TOP + index * ROW
  const middle = y + ROW / 2 - 1
  const figure = cpu.median >= 100 ? cpu.median.toFixed(0) : cpu.median.toFixed(1)
  const compared = line.toNginx === undefined ? '' : ` (${line.toNginx.toFixed(1)}×)`
  return [
    text({ x: LABELS - 10, y: middle + 4, 'text-anchor': 'end' }, name),
    element('rect', {
      class: row.kind.replace(' ', '-'),
      x: LABELS,
      y: y + 3,
      width: x(cpu.median) - LABELS,
      height: ROW - 8,
      rx: 2,
    }),
    element('line', { class: 'spread', x1: x(cpu.min), x2: x(cpu.max), y1: middle, y2: middle }),
    text({ x: x(cpu.max) + 8, y: middle + 4 }, `${figure}${compared}${errors && ' with errors'}`),
  ].join('')
}

export function chartOf(result: ScenarioResult): string {
  const lines = linesOf(result).toSorted((a, b) => a.cpu.median - b.cpu.median)
  const largest = Math.max(...lines.map(({ cpu }) => cpu.max), Number.MIN_VALUE)
  const { title, unit, settings, rows } = result
  const height = TOP + lines.length * ROW + BOTTOM
  const heading = `CPU time of the proxy, µs a ${unit}: ${title}`
  const footing = `shorter is better; in brackets: times nginx; medians of ${settings.rounds} rounds of ${settings.seconds} s, the line is their spread`
  return drawing(
    { width: LABELS + BARS + FIGURES, height, title: heading, style: STYLE },
    text({ class: 'title', x: 10, y: 24 }, heading),
    text({ class: 'small', x: 10, y: 42 }, footing),
    ...lines.map((line, index) => bar(line, index, largest, nameOf(line.row, rows))),
    text(
      { class: 'small', x: 10, y: height - 10 },
      `${result.machine.processor}, ${result.measuredAt.slice(0, 10)}`,
    ),
  )
}
