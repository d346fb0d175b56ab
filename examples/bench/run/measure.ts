/** One measurement of one contender: a new process, a check, a warm-up, then the load that counts. */
import { availableParallelism } from 'node:os'
import { SMALL, TAKEN } from '../scenario.js'
import type { Scenario } from '../scenario.js'
import { ask } from './ask.js'
import { hasEnded } from './children.js'
import { lastWords } from './last-words.js'
import { launch } from './launch.js'
import type { Edge, Entry, Ground, LaunchOptions } from './launch.js'
import { describeErrors } from './load-report.js'
import { foreignTicks, peakMemoryOf, ticksUsedBy } from './proc-stat.js'
import { peersOf } from './upstreams.js'
import type { Upstreams } from './upstreams.js'
import { load } from './wrk.js'

export interface Sample {
  readonly requests: number
  /** Microseconds of CPU time (user and system) a request, of the contender's processes. */
  readonly cpu: number
  /** Requests (messages) a second. */
  readonly rate: number
  /** Milliseconds. */
  readonly p50: number
  readonly p99: number
  readonly p999: number
  /** The largest resident set, in MB. */
  readonly memory: number
  /** What others (processes, the hypervisor) took of all processors meanwhile: 0 to 1. */
  readonly foreign: number
  /** In words; empty when all went well. */
  readonly errors: string
}

export interface Course extends Ground {
  readonly upstreams: Upstreams
  readonly ticksPerSecond: number
  readonly seconds: number
  readonly warmup: number
  scriptFor(scenario: Scenario): string
}

/** What the upstream answers; a megabyte is compared as text, too. */
function expectedBody({ path, receives }: Scenario): Buffer {
  if (path === '/large') return Buffer.alloc(receives, 'x')
  return Buffer.from(path === '/take' ? TAKEN : SMALL)
}

/** The load generator compares messages by itself. */
async function checkAnswer(scenario: Scenario, { port }: Edge): Promise<void> {
  if (scenario.load === 'websocket') return
  const { edge, method, path, sends } = scenario
  const { status, body } = await ask({ port, edge, method, path, body: Buffer.alloc(sends, 'x') })
  if (status !== 200 || !body.equals(expectedBody(scenario)))
    throw new Error(`not the upstream's answer: status ${status}, ${body.length} bytes`)
}

export async function measure(course: Course, entry: Entry, scenario: Scenario): Promise<Sample> {
  const peers = peersOf(course.upstreams, scenario.peers, scenario.load)
  return withEdge(course, entry, { peers, edge: scenario.edge }, async (edge) => {
    const tools = { ...course, wrk: course.tools.wrk }
    await checkAnswer(scenario, edge)
    await load(tools, scenario, edge.port, course.warmup)
    const pids = [edge.pid, ...course.upstreams.pids]
    const foreignBefore = foreignTicks(pids)
    const before = ticksUsedBy(edge.pid)
    const report = await load(tools, scenario, edge.port, course.seconds)
    const ticks = ticksUsedBy(edge.pid) - before
    const foreign = Math.max(0, foreignTicks(pids) - foreignBefore) / course.ticksPerSecond
    const { requests, seconds, p50, p99, p999 } = report
    const isShort = report.bytes < requests * scenario.receives
    const errors = [describeErrors(report.errors), isShort ? 'short bodies' : '']
    return {
      requests,
      cpu: ((ticks / course.ticksPerSecond) * 1e6) / Math.max(requests, 1),
      rate: requests / seconds,
      p50,
      p99,
      p999,
      memory: peakMemoryOf(edge.pid) / 1024,
      foreign: foreign / (seconds * availableParallelism()),
      errors: errors.filter(Boolean).join(', '),
    }
  })
}

/** What fails because the contender has crashed is reported with the contender's own last words. */
export async function withEdge<Result>(
  ground: Ground,
  entry: Entry,
  options: LaunchOptions,
  use: (edge: Edge) => Promise<Result>,
): Promise<Result> {
  const edge = await launch(ground, entry, options)
  try {
    return await use(edge)
  } catch (error) {
    if (!hasEnded(edge.child)) throw error
    throw new Error(`it ended by itself: ${lastWords(edge.said())}`, { cause: error })
  } finally {
    await ground.children.stop(edge)
  }
}
