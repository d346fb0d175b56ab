/**
 * What a second core brings, and what `zone` costs: 1 worker, 2 workers, and 2 workers with a zone, all running, measured
 * in turns so that what else the machine does hits all of them alike.
 *
 *   npm run bench:cluster -- [--rounds 5] [--seconds 4] [--connections 64]
 */
import { spawn } from 'node:child_process'
import type { ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { availableParallelism } from 'node:os'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { Children } from '../growth-support/children.js'
import { Nginx } from '../growth-support/nginx.js'
import { troubleIn } from '../growth-support/wrk.js'
import { clockTicks, ticksOf, ticksUsedBy } from '../run/proc-stat.js'

const { values } = parseArgs({
  options: {
    rounds: { type: 'string', default: '5' },
    seconds: { type: 'string', default: '4' },
    connections: { type: 'string', default: '64' },
  },
})

interface Contender {
  readonly name: string
  readonly workers: number
  readonly zone: boolean
}

const CONTENDERS: readonly Contender[] = [
  { name: '1 worker', workers: 1, zone: false },
  { name: '2 workers', workers: 2, zone: false },
  { name: '2 workers, zone', workers: 2, zone: true },
]

interface Sample {
  /** Requests a second. */
  readonly rate: number
  /** Microseconds of CPU time a request, of primary and workers together. */
  readonly us: number
  /** Of the primary alone. */
  readonly primary: number
}

interface Running extends Contender {
  readonly child: ChildProcess
  readonly url: string
  readonly samples: Sample[]
}

const children = new Children()
const tick = 1_000_000 / clockTicks()

async function start(contender: Contender, peers: readonly string[]): Promise<Running> {
  const script = fileURLToPath(new URL('./edge.mjs', import.meta.url))
  const { workers, zone } = contender
  const args = [script, JSON.stringify({ workers, zone, peers })]
  const stdio = ['ignore', 'inherit', 'inherit', 'ipc'] as const
  const child = children.add(spawn(process.execPath, args, { stdio: [...stdio] }))
  const [port] = (await once(child, 'message')) as [number]
  return { ...contender, child, url: `http://127.0.0.1:${port}/small`, samples: [] }
}

async function load(url: string, seconds: number): Promise<number> {
  const args = ['-t1', `-c${values.connections}`, `-d${seconds}s`, url]
  const wrk = children.add(spawn('wrk', args, { stdio: ['ignore', 'pipe', 'inherit'] }))
  let output = ''
  wrk.stdout.on('data', (text: Buffer) => (output += text.toString()))
  await once(wrk, 'close')
  const trouble = troubleIn(output)
  if (trouble !== undefined) throw new Error(`wrk: ${trouble}`)
  return Number(/(\d+) requests in/.exec(output)?.[1])
}

/** Of the primary alone: what its children have used is not in it until they end. */
function ownTicks(pid: number): number {
  return ticksOf(readFileSync(`/proc/${pid}/stat`, 'utf8'))
}

async function measure({ child, url }: Running, seconds: number): Promise<Sample> {
  const pid = child.pid ?? -1
  const from = { all: ticksUsedBy(pid), primary: ownTicks(pid), at: performance.now() }
  const requests = await load(url, seconds)
  const passed = performance.now() - from.at
  return {
    rate: (requests * 1000) / passed,
    us: ((ticksUsedBy(pid) - from.all) * tick) / requests,
    primary: ((ownTicks(pid) - from.primary) * tick) / requests,
  }
}

function median(numbers: readonly number[]): number {
  const sorted = numbers.toSorted((a, b) => a - b)
  return sorted[Math.floor(sorted.length / 2)] ?? Number.NaN
}

/** The median of the ratios round by round. */
function ratio(of: Running, to: Running, figure: keyof Sample): string {
  const ratios = of.samples.map((sample, i) => sample[figure] / (to.samples[i]?.[figure] ?? NaN))
  const [least, most] = [Math.min(...ratios), Math.max(...ratios)]
  return `${median(ratios).toFixed(2)} (${least.toFixed(2)} to ${most.toFixed(2)})`
}

const nginx = await Nginx.start(children, 4)
const running: Running[] = []
for (const contender of CONTENDERS) running.push(await start(contender, nginx.peers(4)))
const seconds = Number(values.seconds)
for (const each of running) await load(each.url, seconds)
for (let round = 0; round < Number(values.rounds); round++)
  // Each comes first, and each comes last.
  for (let i = 0; i < running.length; i++) {
    const each = running[(i + round) % running.length]
    each?.samples.push(await measure(each, seconds))
  }

console.log(
  `node ${process.version}, ${availableParallelism()} cores, ${values.connections} connections, medians of ${values.rounds} rounds`,
)
for (const { name, samples } of running) {
  const figure = (of: keyof Sample): string => median(samples.map((each) => each[of])).toFixed(0)
  console.log(
    `${name.padEnd(16)} ${figure('rate').padStart(6)} requests/s ${figure('us').padStart(5)} us CPU a request, ${figure('primary')} of them in the primary`,
  )
}
const [one, two, shared] = running
if (one === undefined || two === undefined || shared === undefined) throw new Error('lost')
console.log(`2 workers to 1, requests a second: ${ratio(two, one, 'rate')}`)
console.log(`2 workers to 1, CPU a request:     ${ratio(two, one, 'us')}`)
console.log(`zone to none, requests a second:   ${ratio(shared, two, 'rate')}`)
console.log(`zone to none, CPU a request:       ${ratio(shared, two, 'us')}`)
console.log(
  'wrk and the nginx behind share the cores: with 2 of them a second worker has no core to itself',
)
process.exit(0)
