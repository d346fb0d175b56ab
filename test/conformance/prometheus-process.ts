/** A real Prometheus of one's own on loopback, if there is one, that scrapes one address. */
import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { onTestFinished } from 'vitest'
import { freePort } from '../helpers/free-port.js'

/** Why there is none; undefined: there is. */
export const noPrometheus =
  spawnSync('prometheus', ['--version']).status === 0
    ? undefined
    : 'prometheus (Debian: package prometheus) is not installed'

interface Sample {
  readonly metric: Readonly<Record<string, string>>
  readonly value: readonly [number, string]
}

interface Reply {
  readonly status: string
  readonly error?: string
  readonly warnings?: readonly string[]
  readonly data: unknown
}

export interface Prometheus {
  /** What its API answers. Errors and warnings are thrown. */
  api(path: string): Promise<unknown>
  /** An instant query. */
  query(expression: string): Promise<readonly Sample[]>
}

/** Milliseconds. */
const BETWEEN_SCRAPES = 200

/** It is ended with the test. */
export async function prometheusFor(port: number): Promise<Prometheus> {
  const folder = mkdtempSync(join(tmpdir(), 'evenkeel-prometheus-'))
  onTestFinished(() => {
    rmSync(folder, { recursive: true, force: true })
  })
  writeFileSync(
    join(folder, 'prometheus.yml'),
    `global: { scrape_interval: ${BETWEEN_SCRAPES}ms, scrape_timeout: ${BETWEEN_SCRAPES}ms }
scrape_configs:
  - job_name: evenkeel
    static_configs: [{ targets: ['127.0.0.1:${port}'] }]
`,
  )
  const own = await freePort()
  const child = spawn(
    'prometheus',
    [
      `--config.file=${join(folder, 'prometheus.yml')}`,
      `--storage.tsdb.path=${join(folder, 'data')}`,
      `--web.listen-address=127.0.0.1:${own}`,
    ],
    { stdio: ['ignore', 'ignore', 'pipe'] },
  )
  onTestFinished(async () => {
    if (child.exitCode !== null || child.signalCode !== null) return
    child.kill('SIGKILL')
    await once(child, 'exit')
  })
  const said: string[] = []
  await new Promise<void>((resolve, reject) => {
    createInterface(child.stderr).on('line', (line) => {
      said.push(line)
      if (line.includes('Server is ready')) resolve()
    })
    child.once('error', reject)
    child.once('exit', () => reject(new Error(`it has gone: ${said.slice(-5).join('\n')}`)))
  })
  const api = async (path: string): Promise<unknown> => {
    const response = await fetch(`http://127.0.0.1:${own}/api/v1/${path}`)
    const { status, error, warnings, data } = (await response.json()) as Reply
    if (status !== 'success' || warnings !== undefined)
      throw new Error(`${path}: ${error ?? warnings?.join(', ') ?? status}`)
    return data
  }
  return {
    api,
    query: async (expression) => {
      const data = await api(`query?query=${encodeURIComponent(expression)}`)
      return (data as { readonly result: readonly Sample[] }).result
    },
  }
}
