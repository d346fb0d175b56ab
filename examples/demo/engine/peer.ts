/** One upstream server of the replay: it can be killed, restarted, stopped and made impatient. */
import type { ChildProcess } from 'node:child_process'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { hear, kill, startChild, tell } from './children.js'
import { now } from './monotonic.mjs'
import type { Report } from './peer-process.mjs'

/** A time in which a peer could not serve. */
export interface Absence {
  /** Just before the peer was hit. */
  readonly from: number
  /** From here on it was certainly gone. */
  gone: number
  /** It was heard of again; Infinity while it has not been. */
  until: number
  readonly why: 'crash' | 'hang' | 'stall'
}

// Below the ephemeral ports: nobody else is handed the port while the peer is down, not even as a source port.
const FIRST_PORT = 21_000
const PORTS = 11_000
const canStop = process.platform !== 'win32'

export class ReplayPeer {
  readonly absences: Absence[] = []
  readonly port: number
  readonly #log: string
  #child: ChildProcess
  #standby: Promise<ChildProcess> | undefined
  #idle = { ms: 0, announced: false }

  private constructor(child: ChildProcess, port: number, log: string) {
    this.#child = child
    this.port = port
    this.#log = log
    this.#watch(child)
  }

  /** Starts a server on a free port; `folder` takes the log of what it has carried out. */
  static async start(folder: string): Promise<ReplayPeer> {
    for (let attempt = 0; attempt < 50; attempt++) {
      const port = FIRST_PORT + Math.floor(Math.random() * PORTS)
      const log = join(folder, `${port}.log`)
      const child = startChild(log)
      await hear(child, 'ready')
      if (await listen(child, port)) {
        writeFileSync(log, '', { flag: 'a' })
        return new ReplayPeer(child, port, log)
      }
      await kill(child)
    }
    throw new Error('no free port found for an upstream server')
  }

  get name(): string {
    return `127.0.0.1:${this.port}`
  }

  get url(): string {
    return `http://${this.name}`
  }

  /** What has been done to it. */
  get state(): 'running' | 'killed' | 'hanging' {
    const absence = this.absences.find(({ until }) => until === Infinity)
    if (absence === undefined) return 'running'
    return absence.why === 'crash' ? 'killed' : 'hanging'
  }

  /** Killed in the middle of whatever it was doing (SIGKILL). Resolves when it is gone. */
  async crash(): Promise<void> {
    const absence = this.#begin('crash')
    await kill(this.#child)
    absence.gone = now()
    // Loaded now, listening when told: the absence lasts as long as the scenario says and not a process start longer.
    this.#standby = prepare(this.#log)
  }

  /** Listens on the same port again, as a new process. */
  async restart(): Promise<void> {
    const child = await (this.#standby ?? prepare(this.#log))
    this.#standby = undefined
    this.#child = child
    this.#watch(child)
    this.idle(this.#idle.ms, this.#idle.announced)
    for (let attempt = 0; !(await listen(child, this.port)); attempt++) {
      if (attempt === 50) throw new Error(`port ${this.port} is not to be had again`)
      await new Promise((resolve) => setTimeout(resolve, 20))
    }
    this.#end()
  }

  /** Alive for the kernel, which goes on accepting connections, and dead for everybody else (SIGSTOP). */
  hang(ms: number): void {
    const absence = this.#begin('hang')
    if (canStop) this.#child.kill('SIGSTOP')
    else tell(this.#child, { do: 'block', ms })
    absence.gone = now()
  }

  /** Goes on as if nothing had been; resolves when it is heard of. */
  async wake(): Promise<void> {
    if (canStop) this.#child.kill('SIGCONT')
    tell(this.#child, { do: 'ping' })
    await hear(this.#child, 'alive')
    this.#end()
  }

  /** Closes kept-alive connections idle for so long; `announced`: by a `Keep-Alive` header, as Node's own server does. */
  idle(ms: number, announced = false): void {
    this.#idle = { ms, announced }
    tell(this.#child, { do: 'idle', ms, announced })
  }

  /** Lines `done <id>` and `garbled <id>`, one for every POST that was carried out, crashed processes included. */
  executions(): string[] {
    return readFileSync(this.#log, 'utf8').split('\n').filter(Boolean)
  }

  async stop(): Promise<void> {
    const standby = await this.#standby?.catch(() => undefined)
    await Promise.all([kill(this.#child), standby && kill(standby)])
  }

  #begin(why: Absence['why']): Absence {
    const absence = { from: now(), gone: Infinity, until: Infinity, why }
    this.absences.push(absence)
    return absence
  }

  #end(): void {
    for (const absence of this.absences) absence.until = Math.min(absence.until, now())
  }

  /** The machine may stop a peer too: such moments count as absences, like ours. */
  #watch(child: ChildProcess): void {
    child.on('message', (message) => {
      const report = message as Report
      if (report.is !== 'stalled') return
      const { from, to } = report
      this.absences.push({ from, gone: from, until: to, why: 'stall' })
    })
  }
}

async function prepare(log: string): Promise<ChildProcess> {
  const child = startChild(log)
  await hear(child, 'ready')
  return child
}

/** False when somebody else has the port. */
async function listen(child: ChildProcess, port: number): Promise<boolean> {
  const answer = hear(child, 'listening', 'refused')
  tell(child, { do: 'listen', port })
  return (await answer).is === 'listening'
}
