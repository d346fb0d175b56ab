/** Results as tables: the same cells for the terminal and for Markdown. */
import { bestLibrary, linesOf, nameOf } from './results.js'
import type { Line, Row, ScenarioResult } from './results.js'

/** The first row has the titles. */
export type Cells = readonly (readonly string[])[]

function ratio(value: number | undefined): string {
  return value === undefined ? '' : `${value.toFixed(2)}×`
}

export function thousands(value: number): string {
  return Math.round(value)
    .toString()
    .replace(/\B(?=(\d{3})+$)/g, ',')
}

function microseconds(value: number): string {
  return value >= 1000 ? thousands(value) : value.toFixed(1)
}

function milliseconds(value: number): string {
  return value.toFixed(value < 10 ? 2 : 1)
}

/** @param p99Alive of the same contender with all peers alive; a column only where `alive` is given. */
function cellsOf(line: Line, result: ScenarioResult, alive: readonly Line[] | undefined): string[] {
  const { row, cpu, errors } = line
  const twin = alive?.find((other) => isTwin(other.row, row))
  const before = alive === undefined ? [] : [twin === undefined ? '' : milliseconds(twin.p99)]
  return [
    `${errors === '' ? '' : '! '}${nameOf(row, result.rows)}`,
    microseconds(cpu.median),
    `${microseconds(cpu.min)}–${microseconds(cpu.max)}`,
    ratio(line.toNginx),
    ratio(line.toBest),
    thousands(line.rate),
    milliseconds(line.p50),
    milliseconds(line.p99),
    ...before,
    milliseconds(line.p999),
    line.memory.toFixed(0),
    errors === '' ? 'none' : errors,
  ]
}

function isTwin(one: Row, other: Row): boolean {
  return one.contender === other.contender && one.node === other.node
}

/** @param alive the result to compare the p99 with. */
export function resultCells(result: ScenarioResult, alive?: ScenarioResult): Cells {
  const { unit } = result
  const titles = [
    '',
    `CPU µs/${unit}`,
    'min–max',
    '/ nginx',
    '/ best library',
    `${unit}s/s`,
    'p50 ms',
    'p99 ms',
    ...(alive === undefined ? [] : ['p99, all alive']),
    'p99.9 ms',
    'RSS MB',
    'errors',
  ]
  const before = alive && linesOf(alive)
  return [titles, ...linesOf(result).map((line) => cellsOf(line, result, before))]
}

/** What each contender was seen to do, and what it says of itself. */
export function factCells(rows: readonly Row[]): Cells {
  const titles = [
    '',
    'X-Forwarded-For of a client',
    'field named by Connection',
    'a peer refuses',
    'health',
    'remarks',
    'versions',
  ]
  const seen = new Map(rows.map((row) => [row.contender, row]))
  const lines = [...seen.values()].map((row) => [
    row.label,
    row.facts?.forwardedFor ?? '–',
    row.facts?.hopByHop ?? '–',
    row.facts?.deadPeer ?? '–',
    row.health,
    row.remark,
    row.versions,
  ])
  return [titles, ...lines]
}

/** Which library is the best one, and who is missing and why. */
export function notesOf({ rows }: ScenarioResult): string[] {
  const nodes = new Set(rows.flatMap(({ node }) => node ?? []))
  const best = [...nodes].flatMap((node) => {
    const row = bestLibrary(rows, node)
    return row === undefined ? [] : [`Best library under Node ${node.slice(1)}: ${row.label}.`]
  })
  return [...best, ...foreignNotes(rows), ...missingNotes(rows)]
}

/** Above this share of the processors, somebody else's work has disturbed a measurement. */
const DISTURBED = 0.05

function foreignNotes(rows: readonly Row[]): string[] {
  const disturbed = rows.filter(({ samples }) => samples.some(({ foreign }) => foreign > DISTURBED))
  if (disturbed.length === 0) return []
  const names = disturbed.map((row) => {
    const most = Math.max(...row.samples.map(({ foreign }) => foreign))
    return `${nameOf(row, rows)} (up to ${(most * 100).toFixed(0)} %)`
  })
  return [`Disturbed by other work on the machine: ${names.join(', ')}.`]
}

/** A line for each reason. */
function missingNotes(rows: readonly Row[]): string[] {
  const reasons = new Map<string, Set<string>>()
  for (const { label, missing } of rows) {
    if (missing === undefined) continue
    reasons.set(missing, (reasons.get(missing) ?? new Set()).add(label))
  }
  return [...reasons].map(([why, labels]) => `Not measured: ${[...labels].join(', ')}: ${why}.`)
}

function widthsOf(cells: Cells): number[] {
  const count = Math.max(0, ...cells.map((row) => row.length))
  return Array.from({ length: count }, (_, column) =>
    Math.max(...cells.map((row) => (row[column] ?? '').length)),
  )
}

/** For the terminal: the first column left, the others right (or all left, for words). */
export function textTable(cells: Cells, align: 'figures' | 'words'): string {
  const widths = widthsOf(cells)
  return cells
    .map((row) =>
      row
        .map((cell, column) => {
          const width = widths[column] ?? 0
          return align === 'words' || column === 0 ? cell.padEnd(width) : cell.padStart(width)
        })
        .join('  ')
        .trimEnd(),
    )
    .join('\n')
}

function escapeCell(text: string): string {
  return text.replace(/[\\|]/g, '\\$&').replace(/</g, '&lt;')
}

export function markdownTable(cells: Cells, align: 'figures' | 'words'): string {
  const [titles = [], ...rows] = cells.map((row) => row.map(escapeCell))
  const rule = titles.map((_, column) => (align === 'words' || column === 0 ? '---' : '---:'))
  return [titles, rule, ...rows].map((row) => `| ${row.join(' | ')} |`).join('\n')
}
