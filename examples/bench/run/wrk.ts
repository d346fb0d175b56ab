/** Load on a contender, by wrk or by the WebSocket clients of this folder. */
import { fileURLToPath } from 'node:url'
import type { Scenario } from '../scenario.js'
import type { Children } from './children.js'
import { parseLoadReport } from './load-report.js'
import type { LoadReport } from './load-report.js'

const CLIENTS = fileURLToPath(new URL('../load/websocket.mjs', import.meta.url))

/** What a load generator may take longer than it was told to, in milliseconds. */
const GRACE = 30_000

export interface LoadTools {
  readonly children: Children
  readonly wrk: string
  /** The path of wrk's script for a scenario. */
  scriptFor(scenario: Scenario): string
}

export async function load(
  { children, wrk, scriptFor }: LoadTools,
  scenario: Scenario,
  port: number,
  seconds: number,
): Promise<LoadReport> {
  const limit = seconds * 1000 + GRACE
  const { connections, path, edge, sends } = scenario
  if (scenario.load === 'websocket') {
    const args = [CLIENTS, port, connections, seconds, sends].map(String)
    return parseLoadReport(await children.run(process.execPath, args, limit))
  }
  const url = `${edge === 'tls' ? 'https' : 'http'}://127.0.0.1:${port}${path}`
  const settings = ['-t1', `-c${connections}`, `-d${seconds}s`, '--timeout', '10s']
  const args = [...settings, '-s', scriptFor(scenario), url]
  return parseLoadReport(await children.run(wrk, args, limit))
}
