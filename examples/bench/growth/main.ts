/**
 * `npm run bench:growth`: CPU time a request of the balancer's process, as one thing grows: client connections, peers,
 * header fields, bodies. `-- --only=peers` for one of them, `--contender=default` for some of the lines, `--rounds=3`,
 * `--seconds=5`, `--options='{"keepalive":…}'` for the balancer, `--json`; `--save` writes docs/bench/growth.json, the plots beside it and the tables of docs/growth.md,
 * and leaves what was not measured as it was. Needs nginx and wrk.
 */
import { execFileSync } from 'node:child_process'
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { parseArgs } from 'node:util'
import { Children } from '../growth-support/children.js'
import { Nginx } from '../growth-support/nginx.js'
import { dimensionsOf, mostConnections, shown } from './dimensions.js'
import type { Contender, Dimension } from './dimensions.js'
import { plotOf } from './plot.js'
import { medianOf, merged } from './results.js'
import type { Line, Point, Results } from './results.js'
import { measurePoint } from './run.js'
import { betweenMarkers, markdownTable } from './table.js'

const { values } = parseArgs({
  options: {
    only: { type: 'string', default: '' },
    contender: { type: 'string', default: '' },
    rounds: { type: 'string', default: '1' },
    seconds: { type: 'string', default: '3' },
    warmup: { type: 'string', default: '1.5' },
    /** More options of the balancer, as JSON; not for `--save`. */
    options: { type: 'string', default: '{}' },
    json: { type: 'boolean', default: false },
    save: { type: 'boolean', default: false },
  },
})

const MOST_PEERS = 1000
const DOCS = new URL('../../../docs/', import.meta.url)
const SAVED = new URL('bench/growth.json', DOCS)

const children = new Children()
const log = (text: string): void => {
  if (!values.json) console.log(text)
}

async function measureLine(
  nginx: Nginx,
  dimension: Dimension,
  contender: Contender,
): Promise<Line | undefined> {
  const durations = { warmUp: Number(values.warmup), measured: Number(values.seconds) }
  const who = { ...contender, options: JSON.parse(values.options) as object }
  const points: Point[] = []
  for (const value of dimension.values) {
    const rounds: Point[] = []
    for (let round = 0; round < Number(values.rounds); round++) {
      const setting = dimension.setting(value)
      const measured = await measurePoint(children, nginx, who, setting, durations)
      if (measured === undefined) {
        log(`${contender.name}: not in this package, left out`)
        return undefined
      }
      rounds.push({ value, ...measured })
    }
    const point = medianOf(rounds)
    points.push(point)
    const { us, rate, trouble = '' } = point
    log(
      `${dimension.name.padEnd(12)} ${shown(value, dimension.unit).padStart(7)} ${contender.name.padEnd(30)} ${us.toFixed(1).padStart(8)} µs ${rate.toFixed(0).padStart(7)}/s ${trouble}`.trimEnd(),
    )
  }
  return { contender: contender.name, points }
}

async function measureAll(dimensions: readonly Dimension[]): Promise<Results> {
  const most = dimensions.some(({ name }) => name === 'peers') ? MOST_PEERS : 2
  const nginx = await Nginx.start(children, most)
  const results: Record<string, Line[]> = {}
  for (const dimension of dimensions) {
    const lines: Line[] = []
    for (const contender of dimension.contenders) {
      if (!contender.name.includes(values.contender)) continue
      const line = await measureLine(nginx, dimension, contender)
      if (line !== undefined) lines.push(line)
    }
    results[dimension.name] = lines
  }
  await nginx.stop()
  return { node: process.version, dimensions: results }
}

function save(dimensions: readonly Dimension[], now: Results): void {
  const before = existsSync(SAVED)
    ? (JSON.parse(readFileSync(SAVED, 'utf8')) as Results)
    : undefined
  const results = merged(before, now)
  mkdirSync(new URL('./', SAVED), { recursive: true })
  writeFileSync(SAVED, `${JSON.stringify(results, undefined, 2)}\n`)
  const sections: string[] = [`Measured with Node ${results.node}.`]
  for (const dimension of dimensions) {
    const lines = results.dimensions[dimension.name]
    if (lines === undefined || lines.length === 0) continue
    const file = `growth-${dimension.name}.svg`
    writeFileSync(new URL(`bench/${file}`, DOCS), plotOf(dimension, lines))
    const title = `### ${dimension.title}`
    sections.push(title, `![${dimension.title}](bench/${file})`, markdownTable(dimension, lines))
  }
  const page = new URL('growth.md', DOCS)
  writeFileSync(page, betweenMarkers(readFileSync(page, 'utf8'), sections.join('\n\n')))
}

const openFiles = Number(execFileSync('/bin/sh', ['-c', 'ulimit -H -n'], { encoding: 'utf8' }))
const all = dimensionsOf(mostConnections(Number.isNaN(openFiles) ? 1_000_000 : openFiles))
const wanted = all.filter(({ name }) => name.includes(values.only))
const results = await measureAll(wanted)
if (values.json) console.log(JSON.stringify(results, undefined, 2))
for (const dimension of wanted) {
  const lines = results.dimensions[dimension.name] ?? []
  log(`\n${dimension.title}\n${markdownTable(dimension, lines)}`)
}
if (values.save) save(all, results)
