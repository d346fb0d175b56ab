/** Results in words and figures. */
import { shown } from './dimensions.js'
import type { Dimension } from './dimensions.js'
import type { Line, Point } from './results.js'

type Shape = Pick<Dimension, 'title' | 'unit' | 'values'>

const microseconds = (us: number): string => us.toFixed(us < 1000 ? 1 : 0)

/** A table in Markdown: a column a value, and how often the first is in the last. */
export function markdownTable(dimension: Shape, lines: readonly Line[]): string {
  const { unit, values } = dimension
  const head = ['µs CPU a request', ...values.map((value) => shown(value, unit)), 'growth']
  const rows = lines.map(({ contender, points }) => [
    contender,
    ...values.map((value) => cell(points.find((point) => point.value === value))),
    growthOf(points),
  ])
  return aligned([head, ...rows])
}

function cell(point: Point | undefined): string {
  if (point === undefined) return '–'
  return `${microseconds(point.us)}${point.trouble === undefined ? '' : ' (!)'}`
}

/** How many times the cost of the first point the last one has. */
export function growthOf(points: readonly Point[]): string {
  const first = points[0]
  const last = points.at(-1)
  if (first === undefined || last === undefined) return '–'
  return `${(last.us / first.us).toFixed(2)}x`
}

/** As Prettier writes it. */
function aligned(rows: readonly (readonly string[])[]): string {
  const columns = rows[0]?.length ?? 0
  const widths = Array.from({ length: columns }, (_, i) =>
    Math.max(3, ...rows.map((row) => row[i]?.length ?? 0)),
  )
  const line = (row: readonly string[]): string =>
    `| ${row.map((text, i) => (i === 0 ? text.padEnd(widths[i]!) : text.padStart(widths[i]!))).join(' | ')} |`
  const rule = `| ${widths.map((width, i) => (i === 0 ? '-'.repeat(width) : `${'-'.repeat(width - 1)}:`)).join(' | ')} |`
  return rows.flatMap((row, i) => (i === 0 ? [line(row), rule] : [line(row)])).join('\n')
}

const BEGIN = '<!-- growth:begin -->'
const END = '<!-- growth:end -->'

/** Puts text between the markers of a document. */
export function betweenMarkers(document: string, text: string): string {
  const begin = document.indexOf(BEGIN)
  const end = document.indexOf(END)
  if (begin === -1 || end < begin) throw new Error(`the document has no ${BEGIN} … ${END}`)
  return `${document.slice(0, begin + BEGIN.length)}\n\n${text}\n\n${document.slice(end)}`
}
