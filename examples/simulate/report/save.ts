/** Writes docs/simulation.md, and a chart for each scenario beside it. */
import { mkdirSync, rmSync, writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import type { KeysOutcome } from '../keys.js'
import { chartOf } from './chart.js'
import { documentOf } from './document.js'
import type { ScenarioRows } from './document.js'

const docs = fileURLToPath(new URL('../../../docs/', import.meta.url))

/** Returns what it has written. */
export async function save(
  results: readonly ScenarioRows[],
  keys: readonly KeysOutcome[],
): Promise<readonly string[]> {
  const folder = `${docs}simulation/`
  // A scenario that is no more leaves no chart behind.
  rmSync(folder, { recursive: true, force: true })
  mkdirSync(folder, { recursive: true })
  const files: [string, string][] = [
    [`${docs}simulation.md`, await documentOf(results, keys)],
    ...results.map(({ scenario, rows }): [string, string] => [
      `${folder}${scenario.name}.svg`,
      chartOf(scenario, rows),
    ]),
  ]
  for (const [path, text] of files) writeFileSync(path, text)
  return files.map(([path]) => path)
}
