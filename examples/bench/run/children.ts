/** The processes that the benchmark starts: it ends exactly these, by their ids, whatever happens. */
import { spawn } from 'node:child_process'
import type { ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { connect, createServer } from 'node:net'
import type { AddressInfo } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'

/** Milliseconds. */
const READY_LIMIT = 10_000
const STEP = 20
const END_LIMIT = 3000

/** Characters kept of what a process says. */
const KEPT = 4000

export interface Running {
  readonly pid: number
  readonly child: ChildProcess
  /** The last that it wrote on standard output and standard error. */
  said(): string
}

export class Children {
  readonly #running = new Set<ChildProcess>()

  start(command: string, args: readonly string[], environment: NodeJS.ProcessEnv = {}): Running {
    const child = spawn(command, args, {
      stdio: ['ignore', 'pipe', 'pipe'],
      env: { ...process.env, ...environment },
    })
    this.#running.add(child)
    child.on('exit', () => this.#running.delete(child))
    let said = ''
    const keep = (text: string): void => {
      said = (said + text).slice(-KEPT)
    }
    child.on('error', (error) => keep(error.message))
    for (const stream of [child.stdout, child.stderr]) stream.setEncoding('utf8').on('data', keep)
    if (child.pid === undefined) throw new Error(`cannot start ${command}`)
    return { pid: child.pid, child, said: () => said }
  }

  /** Resolves when the process is gone. */
  async stop({ child }: Running): Promise<void> {
    if (hasEnded(child)) return
    const ended = once(child, 'exit')
    child.kill('SIGTERM')
    const kill = setTimeout(() => child.kill('SIGKILL'), END_LIMIT)
    await ended
    clearTimeout(kill)
  }

  /** Runs a program to its end. Rejects when it fails, or takes longer than `limit` milliseconds. */
  async run(
    command: string,
    args: readonly string[],
    limit: number,
    environment: NodeJS.ProcessEnv = {},
  ): Promise<string> {
    const running = this.start(command, args, environment)
    const kill = setTimeout(() => running.child.kill('SIGKILL'), limit)
    const [code, signal] = (await once(running.child, 'close')) as [number | null, string | null]
    clearTimeout(kill)
    if (code === 0) return running.said()
    throw new Error(`${command} ended with ${signal ?? String(code)}:\n${running.said()}`)
  }

  /** At once, for the end of this process. */
  stopAll(): void {
    for (const child of this.#running) child.kill('SIGTERM')
  }
}

export function hasEnded(child: ChildProcess): boolean {
  return child.exitCode !== null || child.signalCode !== null
}

/** A free port of the loopback interface. Somebody else may take it before it is used: then a start fails, loudly. */
export async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  server.close()
  await once(server, 'close')
  return port
}

async function answers(port: number): Promise<boolean> {
  const socket = connect(port, '127.0.0.1')
  try {
    await once(socket, 'connect')
    return true
  } catch {
    return false
  } finally {
    socket.destroy()
  }
}

/** Waits until something accepts connections there; rejects with what the process said if it does not. */
export async function untilReady(running: Running, port: number, what: string): Promise<void> {
  for (let waited = 0; waited < READY_LIMIT; waited += STEP) {
    if (hasEnded(running.child)) break
    if (await answers(port)) return
    await sleep(STEP)
  }
  throw new Error(`${what} did not start:\n${running.said()}`)
}
