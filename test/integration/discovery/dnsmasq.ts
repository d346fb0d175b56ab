/** A dnsmasq of one's own on loopback, if there is one: a real resolver, with names that a test changes. */
import { spawn } from 'node:child_process'
import type { ChildProcess } from 'node:child_process'
import { createSocket } from 'node:dgram'
import { once } from 'node:events'
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { onTestFinished } from 'vitest'

const BINARY = ['/usr/sbin/dnsmasq', '/usr/local/sbin/dnsmasq'].find((path) => existsSync(path))

/** Why there is none; undefined: there is. */
export const noDnsmasq =
  BINARY === undefined ? 'dnsmasq (Debian: dnsmasq-base) is not installed' : undefined

export class Dnsmasq {
  readonly address: string
  readonly #child: ChildProcess
  readonly #hosts: string
  readonly #lines: string[] = []
  #look: () => void = () => undefined

  constructor(child: ChildProcess, port: number, hosts: string) {
    this.address = `127.0.0.1:${port}`
    this.#child = child
    this.#hosts = hosts
    if (child.stderr === null) throw new Error('dnsmasq says nothing')
    createInterface(child.stderr).on('line', (line) => {
      this.#lines.push(line)
      this.#look()
    })
  }

  /** Other names from now on; resolves when they are in force. */
  async name(hosts: Readonly<Record<string, string>>): Promise<void> {
    const lines = Object.entries(hosts).map(([address, name]) => `${address} ${name}\n`)
    writeFileSync(this.#hosts, lines.join(''))
    this.#lines.length = 0
    this.#child.kill('SIGHUP')
    await this.says(/hosts - \d+ (names|addresses)/)
  }

  says(what: RegExp): Promise<void> {
    return new Promise((resolve, reject) => {
      const gone = (): void => reject(new Error(`dnsmasq has gone: ${this.#lines.join('\n')}`))
      this.#child.once('exit', gone)
      this.#look = () => {
        if (!this.#lines.some((line) => what.test(line))) return
        this.#child.off('exit', gone)
        this.#look = () => undefined
        resolve()
      }
      this.#look()
    })
  }

  /** It answers nothing any more, and its port is left alone. */
  pause(): void {
    this.#child.kill('SIGSTOP')
  }

  resume(): void {
    this.#child.kill('SIGCONT')
  }
}

/** With these TTLs, in seconds, and further options. Ends with the test. */
export async function dnsmasq(ttl: number, ...more: readonly string[]): Promise<Dnsmasq> {
  // Between finding a port and taking it, somebody else may take it, for TCP if not for UDP.
  for (let tries = 5; ; tries--) {
    try {
      return await start(ttl, more)
    } catch (error) {
      if (tries === 1 || !String(error).includes('Address already in use')) throw error
    }
  }
}

async function start(ttl: number, more: readonly string[]): Promise<Dnsmasq> {
  const folder = mkdtempSync(join(tmpdir(), 'evenkeel-dnsmasq-'))
  const hosts = join(folder, 'hosts')
  writeFileSync(hosts, '')
  const port = await freePort()
  const child = spawn(
    BINARY ?? '',
    [
      '--keep-in-foreground',
      '--conf-file=/dev/null',
      '--pid-file=',
      '--log-facility=-',
      '--no-resolv',
      '--no-hosts',
      '--no-negcache',
      `--port=${port}`,
      '--listen-address=127.0.0.1',
      '--bind-interfaces',
      `--addn-hosts=${hosts}`,
      `--local-ttl=${ttl}`,
      '--local=/test/',
      // It would leave for "nobody", who may not read the folder.
      ...(process.getuid?.() === 0 ? ['--user=root'] : []),
      ...more,
    ],
    { stdio: ['ignore', 'ignore', 'pipe'] },
  )
  onTestFinished(async () => {
    child.kill('SIGKILL')
    if (child.exitCode === null && child.signalCode === null) await once(child, 'exit')
    rmSync(folder, { recursive: true, force: true })
  })
  const resolver = new Dnsmasq(child, port, hosts)
  await resolver.says(/started/)
  return resolver
}

async function freePort(): Promise<number> {
  const socket = createSocket('udp4')
  socket.bind(0, '127.0.0.1')
  await once(socket, 'listening')
  const { port } = socket.address()
  socket.close()
  return port
}
