/** The servers behind the contenders. */
import { fileURLToPath } from 'node:url'
import { upstreamConfiguration } from '../setup/configurations.js'
import type { PeerSet } from '../scenario.js'
import { freePort, untilReady } from './children.js'
import type { Running } from './children.js'
import type { Ground } from './launch.js'

const ECHO = fileURLToPath(new URL('../load/echo.mjs', import.meta.url))

export interface Upstreams {
  readonly http: readonly [number, number, number]
  readonly echo: readonly [number, number]
  /** Nobody listens there. */
  readonly dead: number
  /** Of the processes. */
  readonly pids: readonly number[]
}

async function ports(count: number): Promise<number[]> {
  const found = new Set<number>()
  for (let tries = 0; found.size < count && tries < 50; tries++) found.add(await freePort())
  return [...found]
}

interface Started {
  readonly listening: readonly number[]
  readonly pid: number
}

async function startNginx({ children, workspace, tools }: Ground): Promise<Started> {
  const listening = await ports(3)
  const text = upstreamConfiguration(workspace.folder, listening)
  const file = workspace.write('upstream.conf', text)
  const running = children.start(tools.nginx, ['-e', 'stderr', '-p', workspace.folder, '-c', file])
  await untilReady(running, listening[0] ?? 0, 'the upstream nginx')
  return { listening, pid: running.pid }
}

async function startEcho({ children }: Ground): Promise<Started> {
  const listening = await ports(2)
  const running: Running = children.start(process.execPath, [ECHO, ...listening.map(String)])
  for (const port of listening) await untilReady(running, port, 'the echo server')
  return { listening, pid: running.pid }
}

export async function startUpstreams(ground: Ground): Promise<Upstreams> {
  const nginx = await startNginx(ground)
  const echo = await startEcho(ground)
  const [first = 0, second = 0, third = 0] = nginx.listening
  const [one = 0, other = 0] = echo.listening
  return {
    http: [first, second, third],
    echo: [one, other],
    dead: await freePort(),
    pids: [nginx.pid, echo.pid],
  }
}

export function peersOf({ http, echo, dead }: Upstreams, set: PeerSet, load: string): number[] {
  const [first, second, third] = http
  if (load === 'websocket') return [...echo]
  if (set === 'two') return [first, second]
  return set === 'three' ? [first, second, third] : [first, second, dead]
}
