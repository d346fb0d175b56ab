/** Children that end with us: each is killed by its own process id, whatever way we go. */
import type { ChildProcess } from 'node:child_process'

export class Children {
  readonly #running = new Set<ChildProcess>()

  constructor() {
    process.on('exit', () => this.#killAll())
    for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const)
      process.on(signal, () => process.exit(1))
  }

  add<T extends ChildProcess>(child: T): T {
    this.#running.add(child)
    child.once('exit', () => this.#running.delete(child))
    return child
  }

  async stop(child: ChildProcess): Promise<void> {
    if (!this.#running.has(child)) return
    const exited = new Promise((resolve) => child.once('exit', resolve))
    child.kill('SIGKILL')
    await exited
  }

  #killAll(): void {
    for (const child of this.#running) child.kill('SIGKILL')
  }
}
