/** An etcd of one's own on loopback, if there is one. */
import { spawn } from 'node:child_process'
import type { ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { onTestFinished } from 'vitest'
import { freePort } from '../../helpers/free-port.js'

const BINARY = ['/usr/bin/etcd', '/usr/local/bin/etcd'].find((path) => existsSync(path))

/** Why there is none; undefined: there is. */
export const noEtcd =
  BINARY === undefined ? 'etcd (Debian: etcd-server) is not installed' : undefined

const base64 = (text: string): string => Buffer.from(text).toString('base64')

export class Etcd {
  readonly url: string
  readonly #folder = mkdtempSync(join(tmpdir(), 'evenkeel-etcd-'))
  readonly #peerUrl: string
  #child: ChildProcess | undefined

  constructor(port: number, peerPort: number) {
    this.url = `http://127.0.0.1:${port}`
    this.#peerUrl = `http://127.0.0.1:${peerPort}`
  }

  /** Resolves when it serves. After a crash it has what it had. */
  async start(): Promise<void> {
    const child = spawn(
      BINARY ?? '',
      [
        ['--data-dir', this.#folder],
        ['--listen-client-urls', this.url],
        ['--advertise-client-urls', this.url],
        ['--listen-peer-urls', this.#peerUrl],
        ['--initial-advertise-peer-urls', this.#peerUrl],
        ['--initial-cluster', `default=${this.#peerUrl}`],
        ['--logger', 'zap'],
        ['--log-outputs', 'stderr'],
      ].flat(),
      { stdio: ['ignore', 'ignore', 'pipe'] },
    )
    this.#child = child
    const said: string[] = []
    await new Promise<void>((resolve, reject) => {
      createInterface(child.stderr).on('line', (line) => {
        said.push(line)
        if (/serving.*client|ready to serve client/i.test(line)) resolve()
      })
      child.once('error', reject)
      child.once('exit', () => reject(new Error(`etcd has gone: ${said.slice(-5).join('\n')}`)))
    })
  }

  async crash(): Promise<void> {
    const child = this.#child
    if (child?.exitCode !== null || child.signalCode !== null) return
    child.kill('SIGKILL')
    await once(child, 'exit')
  }

  async put(key: string, value: string): Promise<void> {
    await this.#ask('put', { key: base64(key), value: base64(value) })
  }

  async delete(key: string): Promise<void> {
    await this.#ask('deleterange', { key: base64(key) })
  }

  async close(): Promise<void> {
    await this.crash()
    rmSync(this.#folder, { recursive: true, force: true })
  }

  async #ask(what: string, body: object): Promise<void> {
    const response = await fetch(`${this.url}/v3/kv/${what}`, {
      method: 'POST',
      body: JSON.stringify(body),
    })
    if (!response.ok) throw new Error(`etcd said ${response.status}: ${await response.text()}`)
    await response.arrayBuffer()
  }
}

/** Ends with the test. */
export async function etcd(): Promise<Etcd> {
  const made = new Etcd(await freePort(), await freePort())
  onTestFinished(() => made.close())
  await made.start()
  return made
}
