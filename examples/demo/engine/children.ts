/** The child processes of this run. None outlives it, whatever the way out. */
import { fork } from 'node:child_process'
import type { ChildProcess } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import type { Command, Report } from './peer-process.mjs'

const program = fileURLToPath(new URL('./peer-process.mjs', import.meta.url))
const alive = new Set<ChildProcess>()

process.on('exit', () => {
  for (const child of alive) child.kill('SIGKILL')
})

/** Starts one upstream process under plain Node; it waits for its commands. */
export function startChild(log: string): ChildProcess {
  // Not our own flags: a loader, a coverage hook or a debugger port is not for the children.
  const child = fork(program, [log], {
    execArgv: [],
    stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
  })
  alive.add(child)
  child.once('exit', () => alive.delete(child))
  child.on('error', () => {}) // a child that died while it was being told something
  return child
}

export function tell(child: ChildProcess, command: Command): void {
  if (child.connected) child.send(command, () => {})
}

/** The next report of one of these kinds; rejects when the child ends or is silent for too long. */
export function hear(child: ChildProcess, ...kinds: Report['is'][]): Promise<Report> {
  return new Promise((resolve, reject) => {
    const onMessage = (message: unknown): void => {
      const report = message as Report
      if (kinds.includes(report.is)) settle(() => resolve(report))
    }
    const onExit = (): void =>
      settle(() => reject(new Error('the upstream process ended by itself')))
    const timer = setTimeout(
      () =>
        settle(() => reject(new Error(`the upstream process is silent: no ${kinds.join(' or ')}`))),
      20_000,
    )
    const settle = (then: () => void): void => {
      clearTimeout(timer)
      child.off('message', onMessage).off('exit', onExit)
      then()
    }
    child.on('message', onMessage).once('exit', onExit)
  })
}

/** SIGKILL, by its own pid; resolves when the process is gone and its sockets with it. */
export function kill(child: ChildProcess): Promise<void> {
  if (!alive.has(child)) return Promise.resolve()
  return new Promise((resolve) => {
    child.once('exit', () => resolve())
    child.kill('SIGKILL')
  })
}
