/** What all measurements stand on: programs, temporary files, upstreams. And its end. */
import type { Course } from '../run/measure.js'
import { Children } from '../run/children.js'
import { wrkScript } from '../run/load-report.js'
import { clockTicks } from '../run/proc-stat.js'
import { startUpstreams } from '../run/upstreams.js'
import type { Scenario } from '../scenario.js'
import { installContenders } from './packages.js'
import { findTools } from './tools.js'
import { Workspace } from './workspace.js'

export interface Prepared {
  readonly course: Course
  /** Ends what was started and removes what was written. */
  dispose(): void
}

/** A signal ends the processes and removes the folder like any other end. */
function disposeAtExit(dispose: () => void): void {
  process.on('exit', dispose)
  const codes = { SIGINT: 130, SIGTERM: 143, SIGHUP: 129 } as const
  for (const [signal, code] of Object.entries(codes)) process.on(signal, () => process.exit(code))
}

export async function prepare(
  { seconds, warmup }: { readonly seconds: number; readonly warmup: number },
  say: (line: string) => void,
): Promise<Prepared> {
  const tools = findTools(say)
  if (tools === undefined) throw new Error('the benchmark cannot run without them')
  installContenders(say)
  const children = new Children()
  const workspace = new Workspace()
  const dispose = () => {
    children.stopAll()
    workspace.remove()
  }
  disposeAtExit(dispose)
  const ground = { children, workspace, tools }
  try {
    const upstreams = await startUpstreams(ground)
    const scriptFor = ({ method, sends }: Scenario): string =>
      workspace.write(`${method}-${sends}.lua`, wrkScript(method, sends))
    const ticksPerSecond = clockTicks()
    return {
      course: { ...ground, upstreams, ticksPerSecond, seconds, warmup, scriptFor },
      dispose,
    }
  } catch (error) {
    dispose()
    throw error
  }
}
