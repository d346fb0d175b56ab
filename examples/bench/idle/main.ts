/**
 * `npm run bench:idle`: memory of an idle client connection that has made one request: at Node's bare server, and at the
 * balancer with each of its transports. `-- --connections=1000` for fewer, `--histogram` for what the difference is made
 * of, `--json`. Ends with status 1 when a connection takes more than 1.10 times what it takes at the bare server.
 */
import { parseArgs } from 'node:util'
import { Children } from '../growth-support/children.js'
import { MeasuredServer } from '../growth-support/measured-server.js'
import { Nginx } from '../growth-support/nginx.js'
import type { Kind, Tally } from '../growth-support/protocol.js'
import { idleConnections } from './connections.js'
import { excessOf, perConnection } from './per-connection.js'
import type { PerConnection } from './per-connection.js'

const { values } = parseArgs({
  options: {
    connections: { type: 'string', default: '10000' },
    histogram: { type: 'boolean', default: false },
    json: { type: 'boolean', default: false },
  },
})

const KINDS: readonly Kind[] = ['bare', 'default', 'undici']
/** Of what is in use: heap and external. */
const TARGET = 1.1
/** Requests before anything is counted: code, pools and caches are no burden of the connections. */
const WARM_UP = 2000

interface Measured {
  readonly kind: Kind
  readonly each: PerConnection
  readonly histograms: {
    readonly before: Readonly<Record<string, Tally>>
    readonly after: Readonly<Record<string, Tally>>
  }
}

async function measure(
  children: Children,
  nginx: Nginx,
  kind: Kind,
  count: number,
): Promise<Measured | undefined> {
  const server = await MeasuredServer.start(children, { kind, peers: nginx.peers(2) })
  if (server === undefined) return undefined
  const histogram = async (): Promise<Readonly<Record<string, Tally>>> =>
    values.histogram ? server.histogram() : {}
  for (const socket of await idleConnections(server.port, WARM_UP)) socket.destroy()
  await settled(server)
  const histogramBefore = await histogram()
  const before = await server.snapshot('collected')
  const sockets = await idleConnections(server.port, count)
  const after = await server.snapshot('collected')
  if (after.connections !== count) throw new Error(`${after.connections} connections are open`)
  const histograms = { before: histogramBefore, after: await histogram() }
  await server.stop()
  for (const socket of sockets) socket.destroy()
  return { kind, each: perConnection(before, after, count), histograms }
}

/** The server has seen that the clients of the warm-up are gone. */
async function settled(server: MeasuredServer): Promise<void> {
  while ((await server.snapshot()).connections > 0)
    await new Promise((resolve) => setTimeout(resolve, 50))
}

const inUse = ({ heapUsed, external }: PerConnection): number => heapUsed + external
const kb = (bytes: number): string => bytes.toFixed(0).padStart(9)
const times = (value: number, bare: number): string => `${(value / bare).toFixed(2)}x`.padStart(7)

function print(results: readonly Measured[], bare: PerConnection): void {
  console.log(
    'bytes a connection  heapUsed external   in use       rss   in use     rss, to bare Node',
  )
  for (const { kind, each } of results) {
    const { heapUsed, external, rss } = each
    const figures = [heapUsed, external, inUse(each), rss].map(kb).join('')
    const ratios = `${times(inUse(each), inUse(bare))} ${times(rss, bare.rss)}`
    console.log(`${kind.padEnd(18)}${figures}  ${ratios}`)
  }
}

function printExcess(results: readonly Measured[], bare: Measured, count: number): void {
  for (const { kind, histograms } of results) {
    if (kind === 'bare') continue
    console.log(`\n${kind}: bytes (objects) a connection by constructor, and at the bare server`)
    const rows = excessOf(histograms, bare.histograms, count)
    for (const { name, count: objects, bytes, bareCount, bareBytes } of rows) {
      const here = `${bytes.toFixed(0).padStart(8)} (${objects.toFixed(1)})`
      console.log(
        `${here.padEnd(18)} ${`${bareBytes.toFixed(0)} (${bareCount.toFixed(1)})`.padEnd(16)} ${name}`,
      )
    }
  }
}

const children = new Children()
const nginx = await Nginx.start(children, 2)
const count = Number(values.connections)
const results: Measured[] = []
for (const kind of KINDS) {
  const measured = await measure(children, nginx, kind, count)
  if (measured === undefined) console.error(`${kind}: not in this package, left out`)
  else results.push(measured)
}
await nginx.stop()
const bare = results.find(({ kind }) => kind === 'bare')
if (bare === undefined) throw new Error('the bare server was not measured')
const over = results.filter(({ each }) => inUse(each) > TARGET * inUse(bare.each))
if (values.json) {
  const shown = results.map(({ kind, each }) => ({ kind, ...each }))
  console.log(JSON.stringify({ node: process.version, connections: count, results: shown }))
} else {
  console.log(`node ${process.version}, ${count} idle connections`)
  print(results, bare.each)
  if (values.histogram) printExcess(results, bare, count)
  console.log(
    over.length === 0
      ? `\nall within ${TARGET} times`
      : `\nover ${TARGET} times: ${over.map(({ kind }) => kind).join(', ')}`,
  )
}
process.exit(over.length === 0 ? 0 : 1)
