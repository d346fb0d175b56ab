/**
 * `npm run bench:micro`: nanoseconds and bytes a call of the pure parts of the request path. `-- --only=pick` for some
 * groups, `--ms=1000` for longer, `--json` for a report as JSON, `--compare=FILE` for what has become of such a report.
 */
import { spawnSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import type { Cost } from './case.js'
import { GROUPS } from './groups.js'
import { costOf, DEFAULT_MS } from './measure.js'
import { tableOf } from './table.js'
import type { GroupCosts, MicroReport } from './table.js'

const { values } = parseArgs({
  options: {
    only: { type: 'string', default: '' },
    ms: { type: 'string', default: String(DEFAULT_MS) },
    json: { type: 'boolean', default: false },
    compare: { type: 'string' },
    /** For the processes that measure. */
    group: { type: 'string' },
  },
})

/** In the process of one group: the result goes to standard output. */
async function measureGroup(name: string): Promise<void> {
  const costs: Cost[] = []
  for (const each of GROUPS.find((group) => group.name === name)?.cases() ?? [])
    costs.push(await costOf(each, Number(values.ms)))
  console.log(JSON.stringify(costs))
}

function inItsOwnProcess(group: string): GroupCosts {
  const self = fileURLToPath(import.meta.url)
  const args = [...process.execArgv, self, `--group=${group}`, `--ms=${values.ms}`]
  const { status, stdout } = spawnSync(process.execPath, args, {
    stdio: ['ignore', 'pipe', 'inherit'],
    encoding: 'utf8',
  })
  if (status !== 0) throw new Error(`measuring ${group} has failed`)
  return { group, costs: JSON.parse(stdout) as Cost[] }
}

function measureAll(): void {
  const wanted = GROUPS.filter(({ name }) => name.includes(values.only))
  const report: MicroReport = {
    node: process.version,
    groups: wanted.map(({ name }) => inItsOwnProcess(name)),
  }
  if (values.json) {
    console.log(JSON.stringify(report, undefined, 2))
    return
  }
  const before =
    values.compare === undefined
      ? undefined
      : (JSON.parse(readFileSync(values.compare, 'utf8')) as MicroReport)
  console.log(tableOf(report, before).join('\n'))
}

if (values.group === undefined) measureAll()
else await measureGroup(values.group)
