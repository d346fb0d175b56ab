/**
 * `npm run simulate`: the selectors on a simulated clock, without sockets. Prints the tables and writes
 * docs/simulation.md with its charts. `-- --only=slow` for some of the scenarios, `--selector=least_conn` for some of
 * the selectors, `--seed=2`, `--requests=100000`: these print, and write nothing.
 */
import { parseArgs } from 'node:util'
import { textTable } from '../bench/report/table.js'
import { contenders } from './contenders.js'
import { keysOf } from './keys.js'
import { rowsOf, STANDARD } from './run.js'
import type { ScenarioRows } from './report/document.js'
import { save } from './report/save.js'
import { keysCells, outcomeCells } from './report/table.js'
import { scenarios } from './scenarios.js'

const { values } = parseArgs({
  options: {
    only: { type: 'string', default: '' },
    selector: { type: 'string', default: '' },
    seed: { type: 'string', default: String(STANDARD.seed) },
    requests: { type: 'string', default: String(STANDARD.requests) },
  },
})

const settings = { seed: Number(values.seed), requests: Number(values.requests) }
const among = contenders.filter(({ name }) => name.includes(values.selector))
const results: ScenarioRows[] = []
for (const scenario of scenarios) {
  if (!scenario.name.includes(values.only)) continue
  const rows = rowsOf(scenario, among, settings)
  results.push({ scenario, rows })
  console.log(
    `${scenario.name}: ${scenario.title}\n${textTable(outcomeCells(scenario, rows), 'figures')}\n`,
  )
}
const keys = among.flatMap((contender) => keysOf(contender, settings.seed) ?? [])
if (keys.length > 0) console.log(`keys\n${textTable(keysCells(keys), 'figures')}\n`)
if (process.argv.length === 2) for (const file of await save(results, keys)) console.log(file)
