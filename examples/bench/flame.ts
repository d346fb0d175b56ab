/** `npm run bench:flame`: where a contender's CPU time (or memory) goes for a small GET, as a flame graph. */
import { mkdtempSync, readFileSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { CONTENDERS, isNode } from './contender.js'
import type { Contender } from './contender.js'
import { flameGraph } from './flame/graph.js'
import { FLAME_HELP, parseFlameOptions } from './flame/options.js'
import type { FlameOptions } from './flame/options.js'
import { allocationTree, cpuTree, heaviest } from './flame/tree.js'
import type { AllocationProfile, CpuProfile, Frame } from './flame/tree.js'
import { launch } from './run/launch.js'
import type { Course } from './run/measure.js'
import { peersOf } from './run/upstreams.js'
import { load } from './run/wrk.js'
import { SCENARIOS } from './scenario.js'
import { prepare } from './setup/ground.js'
import { notBuilt } from './setup/packages.js'

const PRELOAD = new URL('flame/preload.mjs', import.meta.url)
const SHOWN = 40

interface Profiled {
  readonly tree: Frame
  readonly requests: number
}

function say(line: string): void {
  process.stderr.write(`${line}\n`)
}

function treeIn(file: string, what: FlameOptions['what']): Frame {
  const profile: unknown = JSON.parse(readFileSync(file, 'utf8'))
  return what === 'cpu'
    ? cpuTree(profile as CpuProfile)
    : allocationTree(profile as AllocationProfile)
}

async function profile(
  course: Course,
  contender: Contender,
  { what, seconds }: FlameOptions,
): Promise<Profiled> {
  const scenario = SCENARIOS.get
  const file = course.workspace.path('profile.json')
  const entry = { contender, node: process.execPath, nodeVersion: process.version }
  const edge = await launch(course, entry, {
    peers: peersOf(course.upstreams, scenario.peers, scenario.load),
    edge: scenario.edge,
    nodeArguments: ['--import', PRELOAD.href],
    environment: { BENCH_PROFILE: what, BENCH_PROFILE_FILE: file },
  })
  const tools = { ...course, wrk: course.tools.wrk }
  await load(tools, scenario, edge.port, course.warmup)
  edge.child.kill('SIGUSR2')
  // The profile begins a moment after the signal; load that came before would be counted and not seen.
  await sleep(200)
  const { requests } = await load(tools, scenario, edge.port, seconds)
  await course.children.stop(edge)
  return { tree: treeIn(file, what), requests }
}

function report({ tree, requests }: Profiled, options: FlameOptions, contender: Contender): void {
  const isCpu = options.what === 'cpu'
  const weigh = (weight: number) =>
    isCpu
      ? `${(weight / requests).toFixed(2)} µs a request`
      : `${(weight / requests).toFixed(0)} bytes a request`
  const subject = isCpu ? 'CPU time' : 'allocations'
  const title = `${subject} of ${contender.label}, Node ${process.version}, ${SCENARIOS.get.title}`
  writeFileSync(options.out, flameGraph(tree, { title, weigh }))
  console.log(`${title}\n${weigh(tree.total)}, ${requests} requests\n`)
  for (const { label, weight } of heaviest(tree, SHOWN)) {
    const share = ((weight / tree.total) * 100).toFixed(2).padStart(6)
    console.log(`${share} %  ${weigh(weight).padStart(22)}  ${label}`)
  }
  console.log(`\nwritten: ${options.out}`)
}

async function main(): Promise<number> {
  const names = CONTENDERS.filter(isNode).map(({ name }) => name)
  const temporary = () => join(mkdtempSync(join(tmpdir(), 'evenkeel-flame-')), 'flame.svg')
  const options = parseFlameOptions(process.argv.slice(2), names, temporary)
  if (!('what' in options)) {
    say(`${options.join('\n')}\n\n${FLAME_HELP}`)
    return 2
  }
  const contender = CONTENDERS.find(({ name }) => name === options.contender)
  if (contender === undefined) throw new Error(`no contender '${options.contender}'`)
  const missing = notBuilt(contender)
  if (missing !== undefined) throw new Error(missing)
  const { course, dispose } = await prepare({ seconds: options.seconds, warmup: 2 }, say)
  try {
    report(await profile(course, contender, options), options, contender)
  } finally {
    dispose()
  }
  return 0
}

try {
  process.exitCode = await main()
} catch (error) {
  say(error instanceof Error ? error.message : String(error))
  process.exitCode = 1
}
