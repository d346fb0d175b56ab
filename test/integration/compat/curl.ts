/** `curl` as a client. */
import { spawn, spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { onTestFinished } from 'vitest'
import { forLocalhost } from '../../fixtures/test-only-certificates.js'

const version = spawnSync('curl', ['-q', '--version'], { encoding: 'utf8' })

/** Why the tests with curl cannot run here; undefined: they can. */
export const noCurl: string | undefined =
  version.status !== 0
    ? 'curl is not installed'
    : /^Features:.* HTTP2\b/m.test(version.stdout)
      ? undefined
      : 'this curl has no HTTP/2'

export interface CurlRun {
  /** 0: all went well. */
  readonly code: number
  readonly body: Buffer
  /** With `-v`: heads as they were sent (`> `) and received (`< `). */
  readonly talk: string
}

/** A directory that ends with the test. */
export function folder(): string {
  const path = mkdtempSync(join(tmpdir(), 'evenkeel-curl-'))
  onTestFinished(() => rmSync(path, { recursive: true, force: true }))
  return path
}

/** Runs curl against `https://localhost:port` and the like; without its own configuration, and past any proxy. */
export function curl(args: readonly string[]): Promise<CurlRun> {
  return new Promise((resolve, reject) => {
    const common = ['-q', '-sS', '-4', '--noproxy', '*']
    const child = spawn('curl', [...common, ...args], { stdio: ['ignore', 'pipe', 'pipe'] })
    const body: Buffer[] = []
    let talk = ''
    child.stdout.on('data', (chunk: Buffer) => body.push(chunk))
    child.stderr.setEncoding('latin1').on('data', (text: string) => (talk += text))
    child.on('error', reject)
    child.on('close', (code) => resolve({ code: code ?? -1, body: Buffer.concat(body), talk }))
  })
}

/** Options for a server with the certificate of the tests. */
export function trusting(path: string): string[] {
  const file = join(path, 'ca.pem')
  writeFileSync(file, forLocalhost.cert)
  return ['--cacert', file]
}
