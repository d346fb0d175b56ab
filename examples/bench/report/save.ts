/** Writes docs/bench/results.json, a chart a scenario, and the tables of docs/benchmarks.md. */
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { format } from 'prettier'
import { chartOf } from './chart.js'
import { inOrder, merged, withResults } from './document.js'
import type { Results } from './results.js'

const docs = fileURLToPath(new URL('../../../docs/', import.meta.url))
const style = { printWidth: 100, proseWrap: 'preserve' } as const

export async function save(results: Results): Promise<readonly string[]> {
  const folder = `${docs}bench/`
  const file = `${folder}results.json`
  const document = `${docs}benchmarks.md`
  mkdirSync(folder, { recursive: true })
  const before = existsSync(file) ? (JSON.parse(readFileSync(file, 'utf8')) as Results) : undefined
  const all = merged(before, results)
  const charts = inOrder(all).map((result) => [`${folder}${result.scenario}.svg`, chartOf(result)])
  const table = withResults(readFileSync(document, 'utf8'), all)
  const files = [
    [file, await format(JSON.stringify(all), { ...style, parser: 'json' })],
    [document, await format(table, { ...style, parser: 'markdown' })],
    ...charts,
  ] as [string, string][]
  for (const [path, text] of files) writeFileSync(path, text)
  return files.map(([path]) => path)
}
