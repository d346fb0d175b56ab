/** The upstream: one nginx process that listens on as many loopback addresses as there are peers. */
import { spawn } from 'node:child_process'
import type { ChildProcess } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { connect, createServer } from 'node:net'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Children } from './children.js'
import { addressOf, BODY_SIZES, configOf } from './nginx-config.js'

export class Nginx {
  readonly #children: Children
  readonly #child: ChildProcess
  readonly #folder: string
  readonly #port: number

  private constructor(children: Children, child: ChildProcess, folder: string, port: number) {
    this.#children = children
    this.#child = child
    this.#folder = folder
    this.#port = port
  }

  static async start(children: Children, peers: number): Promise<Nginx> {
    const folder = mkdtempSync(join(tmpdir(), 'evenkeel-bench-'))
    process.on('exit', () => rmSync(folder, { recursive: true, force: true }))
    const port = await freePort()
    for (const size of BODY_SIZES)
      writeFileSync(join(folder, String(size)), Buffer.alloc(size, 'x'))
    const file = join(folder, 'nginx.conf')
    writeFileSync(file, configOf({ folder, port, peers }))
    const args = ['-p', folder, '-e', join(folder, 'error.log'), '-c', file]
    // As many files as there may be.
    const shell = ['-c', 'ulimit -n "$(ulimit -H -n)"; exec nginx "$@"', 'nginx', ...args]
    const stdio = ['ignore', 'inherit', 'inherit'] as const
    const child = children.add(spawn('/bin/sh', shell, { stdio: [...stdio] }))
    const nginx = new Nginx(children, child, folder, port)
    await nginx.#listening()
    return nginx
  }

  /** URLs of the first `count` peers. */
  peers(count: number): string[] {
    return Array.from({ length: count }, (_, i) => `http://${addressOf(i)}:${this.#port}`)
  }

  async stop(): Promise<void> {
    await this.#children.stop(this.#child)
    rmSync(this.#folder, { recursive: true, force: true })
  }

  async #listening(): Promise<void> {
    for (let tries = 0; tries < 100; tries++) {
      if (this.#child.exitCode !== null) throw new Error('nginx has not started')
      if (await connects(this.#port)) return
      await new Promise((resolve) => setTimeout(resolve, 50))
    }
    throw new Error('nginx does not listen')
  }
}

function connects(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1')
    socket.once('error', () => resolve(false))
    socket.once('connect', () => {
      socket.destroy()
      resolve(true)
    })
  })
}

async function freePort(): Promise<number> {
  const server = createServer()
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  await new Promise((resolve) => server.close(resolve))
  return port
}
