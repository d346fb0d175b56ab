/** The generated part of docs/benchmarks.md. */
import { SCENARIO_NAMES } from '../scenario.js'
import type { Results, Row, ScenarioResult } from './results.js'
import { factCells, markdownTable, notesOf, resultCells } from './table.js'

const BEGIN = '<!-- results:begin (written by `npm run bench -- --save`) -->'
const END = '<!-- results:end -->'

export function circumstances({ measuredAt, machine, tools, settings }: ScenarioResult): string {
  const programs = Object.entries(tools).map(([name, version]) => `${name} ${version}`)
  return [
    `Measured ${measuredAt.slice(0, 16).replace('T', ' ')} UTC`,
    `${machine.processors} × ${machine.processor}, ${machine.system}`,
    `load before ${machine.loadBefore.toFixed(2)}`,
    `${settings.rounds} rounds of ${settings.seconds} s after ${settings.warmup} s of warm-up`,
    programs.join(', '),
  ].join('; ')
}

function section(result: ScenarioResult, { scenarios }: Results): string {
  const { scenario, title } = result
  const alive = scenario === 'dead' ? scenarios.alive : undefined
  return [
    `### ${scenario}: ${title}`,
    `![CPU time of the proxies, ${title}](bench/${scenario}.svg)`,
    markdownTable(resultCells(result, alive), 'figures'),
    ...notesOf(result).map((note) => `- ${note}`),
    `${circumstances(result)}.`,
  ].join('\n\n')
}

export function inOrder({ scenarios }: Results): ScenarioResult[] {
  return SCENARIO_NAMES.flatMap((name) => scenarios[name] ?? [])
}

export function rowsOf(results: Results): Row[] {
  return inOrder(results).flatMap(({ rows }) => rows)
}

/** Puts the results between the markers. Throws when the document has lost them. */
export function withResults(document: string, results: Results): string {
  const begin = document.indexOf(BEGIN)
  const end = document.indexOf(END)
  if (begin === -1 || end < begin) throw new Error(`no '${BEGIN}' and '${END}' in the document`)
  const sections = inOrder(results).map((result) => section(result, results))
  const facts = `### What each does for a request\n\n${markdownTable(factCells(rowsOf(results)), 'words')}`
  return [document.slice(0, begin) + BEGIN, ...sections, facts, document.slice(end)].join('\n\n')
}

/** The scenarios of `after` replace those of `before`. */
export function merged(before: Results | undefined, after: Results): Results {
  return { format: 1, scenarios: { ...before?.scenarios, ...after.scenarios } }
}
