/** One point: a fresh process, a warm-up, and the CPU time of some seconds by the requests of these. */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Children } from '../growth-support/children.js'
import { MeasuredServer } from '../growth-support/measured-server.js'
import type { Nginx } from '../growth-support/nginx.js'
import { wrk } from '../growth-support/wrk.js'
import type { Contender, Setting } from './dimensions.js'
import type { Point } from './results.js'

export interface Durations {
  /** Seconds, as the next. */
  readonly warmUp: number
  readonly measured: number
}

/** The load goes on a little longer than is measured. */
const MARGIN = 1
/** Opening a connection takes time; each must have served before anything is measured. */
const CONNECTIONS_A_SECOND = 4000

/** undefined: the package has no such transport. */
export async function measurePoint(
  children: Children,
  nginx: Nginx,
  { kind, selector, options }: Contender & { readonly options: object },
  setting: Setting,
  durations: Durations,
): Promise<Omit<Point, 'value'> | undefined> {
  const peers = nginx.peers(setting.peers)
  const start =
    selector === undefined ? { kind, peers, options } : { kind, peers, options, selector }
  const server = await MeasuredServer.start(children, start)
  if (server === undefined) return undefined
  const folder = mkdtempSync(join(tmpdir(), 'evenkeel-bench-'))
  try {
    const warmUp = durations.warmUp + setting.load.connections / CONNECTIONS_A_SECOND
    const load = {
      ...setting.load,
      url: `http://127.0.0.1:${server.port}${setting.path}`,
      seconds: Math.ceil(warmUp + durations.measured + MARGIN),
    }
    const loaded = wrk(children, load, folder)
    loaded.catch(() => undefined)
    await seconds(warmUp)
    const from = { at: performance.now(), ...(await server.snapshot()) }
    await seconds(durations.measured)
    const to = { at: performance.now(), ...(await server.snapshot()) }
    const trouble = await loaded
    const requests = to.requests - from.requests
    if (requests === 0) throw new Error('no request came')
    const point = {
      us: (to.cpu - from.cpu) / requests,
      rate: (requests * 1000) / (to.at - from.at),
    }
    return trouble === undefined ? point : { ...point, trouble }
  } finally {
    await server.stop()
    rmSync(folder, { recursive: true, force: true })
  }
}

function seconds(count: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, count * 1000))
}
