/**
 * `npm run bench:soak`: full load for ten minutes, and what the balancer's process takes meanwhile: heap after the garbage
 * is collected, RSS, open files, handles, connections. `-- --minutes=1` for trying, `--transport=undici` for the other transport,
 * `--json`. Ends with status 1 when the last third's median is more than 5 % above the first third's.
 */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { Children } from '../growth-support/children.js'
import { MeasuredServer } from '../growth-support/measured-server.js'
import { Nginx } from '../growth-support/nginx.js'
import type { Kind, Snapshot } from '../growth-support/protocol.js'
import { wrk } from '../growth-support/wrk.js'
import { verdictOf } from './verdict.js'
import type { Sample, Verdict, Watched } from './verdict.js'

const { values } = parseArgs({
  options: {
    minutes: { type: 'string', default: '10' },
    transport: { type: 'string', default: 'default' },
    json: { type: 'boolean', default: false },
  },
})

const CONNECTIONS = 64
const SECONDS = Number(values.minutes) * 60
/** Seconds between samples; a short run has some, too. */
const EVERY = Math.min(15, SECONDS / 20)
/** Code is compiled, pools are filled, the young generation has its size. */
const WARM_UP = SECONDS / 6
const WATCHED: readonly Watched[] = ['heapUsed', 'rss', 'files', 'connections']

const mb = (bytes: number): string => (bytes / 1024 / 1024).toFixed(2)
const log = (text: string): void => {
  if (!values.json) console.log(text)
}

function sampleOf(at: number, { heapUsed, rss, files, connections }: Snapshot): Sample {
  return { at, heapUsed, rss, files, connections }
}

/** They come and go with the requests: shown, and no part of the verdict. */
function active({ handles }: Snapshot): number {
  return Object.values(handles).reduce((sum, each) => sum + each, 0)
}

async function watch(server: MeasuredServer, isOver: () => boolean): Promise<Sample[]> {
  log('   seconds   heap MB    rss MB     files   handles  connections  requests/s')
  const samples: Sample[] = []
  const startedAt = performance.now()
  let requests = 0
  for (let i = 1; i * EVERY < SECONDS && !isOver(); i++) {
    await until(startedAt + i * EVERY * 1000)
    const snapshot = await server.snapshot('collected')
    const sample = sampleOf((performance.now() - startedAt) / 1000, snapshot)
    const { at, heapUsed, rss, files, connections } = sample
    const rate = (snapshot.requests - requests) / (at - (samples.at(-1)?.at ?? 0))
    requests = snapshot.requests
    samples.push(sample)
    const counts = [String(files), String(active(snapshot))]
    const figures = [at.toFixed(0), mb(heapUsed), mb(rss), ...counts]
    const padded = figures.map((text) => text.padStart(10)).join('')
    log(`${padded}${String(connections).padStart(13)}${rate.toFixed(0).padStart(12)}`)
  }
  return samples
}

function until(at: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, Math.max(0, at - performance.now())))
}

function print(verdicts: readonly Verdict[]): void {
  log('\n                first third   last third        an hour')
  for (const { what, firstMedian, lastMedian, slope, flat } of verdicts) {
    const inBytes = what === 'heapUsed' || what === 'rss'
    const show = (value: number): string => (inBytes ? `${mb(value)} MB` : value.toFixed(1))
    const figures = [firstMedian, lastMedian].map((value) => show(value).padStart(13)).join('')
    log(`${what.padEnd(14)}${figures}${show(slope).padStart(15)}  ${flat ? 'flat' : 'GROWS'}`)
  }
}

async function soak(): Promise<number> {
  const children = new Children()
  const nginx = await Nginx.start(children, 2)
  const kind = values.transport as Kind
  const server = await MeasuredServer.start(children, { kind, peers: nginx.peers(2) })
  if (server === undefined) throw new Error(`this package has no transport ${kind}`)
  const folder = mkdtempSync(join(tmpdir(), 'evenkeel-bench-'))
  log(`node ${process.version}, ${kind} transport, ${CONNECTIONS} connections, ${SECONDS} s`)
  let over = false
  const url = `http://127.0.0.1:${server.port}/small`
  const load = { url, connections: CONNECTIONS, seconds: SECONDS }
  const loaded = wrk(children, load, folder).finally(() => (over = true))
  const [samples, trouble] = await Promise.all([watch(server, () => over), loaded])
  const verdicts = WATCHED.map((what) => verdictOf(samples, WARM_UP, what))
  print(verdicts)
  await server.stop()
  await nginx.stop()
  rmSync(folder, { recursive: true, force: true })
  const flat = verdicts.every((verdict) => verdict.flat)
  if (values.json) console.log(JSON.stringify({ node: process.version, samples, verdicts }))
  if (trouble !== undefined) log(`not all requests were served: ${trouble}`)
  log(flat ? 'flat' : 'it grows')
  return flat && trouble === undefined ? 0 : 1
}

process.exit(await soak())
