/**
 * `npm run bench`: evenkeel beside nginx, HAProxy and the Node proxies, measured in CPU time a request. What it measures,
 * how, and what it cannot tell: docs/benchmarks.md.
 */
import { mkdtempSync, writeFileSync } from 'node:fs'
import { cpus, loadavg, release, tmpdir, type } from 'node:os'
import { join } from 'node:path'
import { HELP, parseBenchOptions } from './options.js'
import type { BenchOptions } from './options.js'
import { circumstances, rowsOf } from './report/document.js'
import type { Machine, Results, ScenarioResult } from './report/results.js'
import { save } from './report/save.js'
import { factCells, notesOf, resultCells, textTable } from './report/table.js'
import { rowsFor } from './run/rounds.js'
import { scenarioOf } from './scenario.js'
import type { ScenarioName } from './scenario.js'
import { field } from './setup/field.js'
import type { Field } from './setup/field.js'
import { prepare } from './setup/ground.js'

/** Progress: never on standard output, which is for results. */
function say(line: string): void {
  process.stderr.write(`${line}\n`)
}

function machine(): Machine {
  const all = cpus()
  return {
    processor: all[0]?.model.trim() ?? 'unknown processor',
    processors: all.length,
    system: `${type()} ${release().split('.', 2).join('.')}`,
    loadBefore: loadavg()[0] ?? 0,
  }
}

function warnIfBusy({ loadBefore }: Machine): void {
  if (loadBefore < 0.5) return
  say(`! the machine is not quiet (load ${loadBefore.toFixed(2)}): the figures will be worse`)
}

function announce(options: BenchOptions, { entries }: Field): void {
  const { rounds, seconds, warmup, scenarios } = options
  const each = seconds + warmup + 0.7
  const minutes = (entries.length * rounds * scenarios.length * each) / 60
  say(`${entries.length} contenders, ${rounds} rounds: at most ${Math.ceil(minutes)} minutes`)
}

async function run(options: BenchOptions): Promise<Results> {
  const before = machine()
  warnIfBusy(before)
  const { course, dispose } = await prepare(options, say)
  try {
    const contenders = await field(options, course, say)
    announce(options, contenders)
    const scenarios: Partial<Record<ScenarioName, ScenarioResult>> = {}
    for (const name of options.scenarios) {
      const { title, unit } = scenarioOf(name)
      const { rounds, seconds, warmup } = options
      scenarios[name] = {
        scenario: name,
        title,
        unit,
        measuredAt: new Date().toISOString(),
        machine: before,
        tools: course.tools.versions,
        settings: { rounds, seconds, warmup },
        rows: await rowsFor({ course, field: contenders, name, rounds, say }),
      }
    }
    return { format: 1, scenarios }
  } finally {
    dispose()
  }
}

function textOf(results: Results): string {
  const { scenarios } = results
  const tables = Object.values(scenarios).map((result) => {
    const alive = result.scenario === 'dead' ? scenarios.alive : undefined
    const table = textTable(resultCells(result, alive), 'figures')
    const head = `${result.scenario}: ${result.title}`
    return [head, table, ...notesOf(result), circumstances(result), ''].join('\n')
  })
  const facts = textTable(factCells(rowsOf(results)), 'words')
  return [...tables, 'what each does for a request', facts, ''].join('\n')
}

async function publish(results: Results, { save: isSaved, json }: BenchOptions): Promise<void> {
  if (json) {
    say(textOf(results))
    console.log(JSON.stringify(results, undefined, 2))
  } else console.log(textOf(results))
  if (isSaved) {
    for (const path of await save(results)) say(`written: ${path}`)
    return
  }
  if (json) return
  const path = join(mkdtempSync(join(tmpdir(), 'evenkeel-bench-results-')), 'results.json')
  writeFileSync(path, JSON.stringify(results, undefined, 2))
  say(`JSON: ${path}`)
}

async function main(): Promise<number> {
  const parsed = parseBenchOptions(process.argv.slice(2))
  switch (parsed.kind) {
    case 'help':
      console.log(HELP)
      return 0
    case 'problems':
      for (const problem of parsed.problems) say(problem)
      say(`\n${HELP}`)
      return 2
    case 'run':
      await publish(await run(parsed.options), parsed.options)
      return 0
  }
}

try {
  process.exitCode = await main()
} catch (error) {
  say(error instanceof Error ? error.message : String(error))
  process.exitCode = 1
}
