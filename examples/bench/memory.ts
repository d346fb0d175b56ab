/**
 * `npm run bench:memory`: what the balancer takes of memory while 200 slow clients fetch 50 MB each, and while 200 of
 * them send 50 MB to a slow upstream. `-- --clients=20 --megabytes=8` makes it smaller. Ends with status 1 when a bound
 * is broken.
 */
import { mkdtempSync, rmSync, statfsSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { measure } from './memory/measure.js'
import type { Load, Measured } from './memory/measure.js'
import { boundOf, GARBAGE, SCENARIOS } from './memory/scenarios.js'
import type { Scenario } from './memory/scenarios.js'

const MB = 1024 * 1024

const { values } = parseArgs({
  options: {
    clients: { type: 'string', default: '200' },
    megabytes: { type: 'string', default: '50' },
    only: { type: 'string', default: '' },
  },
})

const mb = (bytes: number): string => (bytes / MB).toFixed(1)

/** Smaller bodies where the disk has no room for all of them, and a fifth to spare. */
function fitting(scenario: Scenario, load: Load): Load {
  const each = scenario.disk === 'whole' ? load.size : scenario.disk
  const { bavail, bsize } = statfsSync(load.tempPath)
  const free = (bavail * bsize) / 1.2
  if (each * load.clients <= free) return load
  const clients = Math.floor(free / each)
  console.log(`scaled down: ${mb(free)} MB of disk are free, enough for ${clients} clients`)
  return { ...load, clients }
}

/** Prints a line of the table; false when a bound is broken. */
function report(scenario: Scenario, load: Load, measured: Measured): boolean {
  const bound = load.clients * boundOf(scenario)
  const { idle, peak, live, underWay, ahead, taken, seconds } = measured
  const rss = peak.rss - idle.rss
  const heap = peak.heap - idle.heap
  const inUse = live.heap - idle.heap
  const holds = inUse <= bound && rss <= bound + GARBAGE
  const cells = [
    `${scenario.way}s, ${scenario.name}`.padEnd(39),
    `${underWay}/${load.clients}`.padStart(9),
    mb(ahead).padStart(8),
    mb(taken).padStart(8),
    mb(inUse).padStart(7),
    (inUse / load.clients / 1024).toFixed(0).padStart(7),
    mb(heap).padStart(7),
    mb(rss).padStart(7),
    mb(load.clients * scenario.memory).padStart(10),
    mb(bound).padStart(7),
    seconds.toFixed(0).padStart(4),
    holds ? 'PASS' : 'FAIL',
  ]
  console.log(cells.join(' '))
  return holds
}

const load: Load = {
  clients: Number(values.clients),
  size: Number(values.megabytes) * MB,
  tempPath: mkdtempSync(join(tmpdir(), 'evenkeel-bench-')),
}
console.log(
  [
    `node ${process.version}; ${load.clients} requests at once, bodies of ${mb(load.size)} MB; figures in MB, over the idle process`,
    'ahead: what the fast end could send before the slow one took anything, with what the system holds',
    'taken: what the slow end has taken in the end',
    'in use: heap and external buffers when all were full, without garbage; heap, rss: at their peak',
    'bound, of what is in use: requests x (configured + 256 kB in streams, 128 kB more with a file)',
    `rss may be ${mb(GARBAGE)} more: garbage that is not collected yet`,
    '',
    `${''.padEnd(39)} under way    ahead    taken  in use kB each    heap     rss configured   bound    s`,
  ].join('\n'),
)
process.on('exit', () => rmSync(load.tempPath, { recursive: true, force: true }))
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => process.exit(1))

let broken = 0
for (const scenario of SCENARIOS) {
  if (!scenario.name.includes(values.only)) continue
  const fits = fitting(scenario, load)
  if (!report(scenario, fits, await measure(scenario, fits))) broken++
}
console.log(broken === 0 ? '\nall within their bounds' : `\n${broken} over the bound`)
// Sockets that were cut off may still be closing.
process.exit(broken === 0 ? 0 : 1)
