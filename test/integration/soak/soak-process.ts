/**
 * Runs by itself, so that nothing but the balancer and its traffic is on the heap: a balancer before two peers that
 * fail now and then, and a number of requests given as the first argument. Prints what was seen as one line of JSON.
 */
import { createServer, Agent, request } from 'node:http'
import type { IncomingMessage, Server, ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { createBalancer } from 'evenkeel'

export interface SoakReport {
  readonly requests: number
  /** How the requests ended: status, `cut` for a response that was broken off, or the client's error code. */
  readonly ends: Record<string, number>
  readonly warnings: readonly string[]
  readonly connections: readonly number[]
  readonly statuses: readonly string[]
  readonly staleConnections: number
  readonly transportFailures: number
  /** Bytes on the heap after a forced collection: after the first 10,000 requests (or half), and after all. */
  readonly heapBefore: number
  readonly heapAfter: number
  readonly peerConnectionsAfterClose: number
  readonly seconds: number
}

const CLIENTS = 32

/** One request in a hundred meets one of these. */
const FAILURES: ReadonlyMap<number, (req: IncomingMessage, res: ServerResponse) => void> = new Map([
  [7, (req) => req.socket.destroy()],
  [107, (_req, res) => res.writeHead(503).end('busy')],
  [207, (req) => req.socket.end('HTTP/1.1 099 X\r\n\r\n')],
  [
    307,
    (req, res) => {
      res.writeHead(200, { 'content-length': 100 }).write('half')
      setImmediate(() => req.socket.destroy())
    },
  ],
  [
    407,
    (req, res) => {
      res.writeHead(200).write('half of a stream')
      setImmediate(() => req.socket.destroy())
    },
  ],
])

async function startPeer(): Promise<Server> {
  let count = 0
  const server = createServer((req, res) => {
    const failure = FAILURES.get(++count % 500)
    if (failure !== undefined) {
      failure(req, res)
      return
    }
    req.resume()
    req.on('end', () => res.end('hello'))
  })
  return await listening(server)
}

async function listening(server: Server): Promise<Server> {
  server.keepAliveTimeout = 60_000
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return server
}

const portOf = (server: Server): number => (server.address() as AddressInfo).port
const collect = (): number => {
  globalThis.gc?.()
  globalThis.gc?.()
  return process.memoryUsage().heapUsed
}

async function soak(requests: number): Promise<SoakReport> {
  const warnings: string[] = []
  process.on('warning', (warning) => warnings.push(`${warning.name}: ${warning.message}`))
  const peers = await Promise.all([startPeer(), startPeer()])
  const upstream = peers.map((peer) => `http://127.0.0.1:${String(portOf(peer))}`)
  const balancer = createBalancer({ upstream, readTimeout: '5s' })
  const edge = await listening(createServer(balancer))
  const agent = new Agent({ keepAlive: true, maxSockets: CLIENTS })
  const ends: Record<string, number> = {}

  const one = (index: number): Promise<void> =>
    new Promise((resolve) => {
      const end = (how: string): void => {
        ends[how] = (ends[how] ?? 0) + 1
        resolve()
      }
      const post = index % 5 === 0
      const path = `/${String(index)}`
      const req = request({
        port: portOf(edge),
        host: '127.0.0.1',
        agent,
        path,
        method: post ? 'POST' : 'GET',
      })
      req.on('response', (res) => {
        res.resume()
        res.on('error', () => undefined)
        res.on('close', () => {
          end(res.complete ? String(res.statusCode) : 'cut')
        })
      })
      req.on('error', (error: NodeJS.ErrnoException) => {
        end(error.code ?? 'error')
      })
      // A client that leaves while its request is on the way.
      if (index % 1000 === 3) setImmediate(() => req.destroy())
      req.end(post ? 'x'.repeat(index % 2000) : undefined)
    })

  let next = 0
  const run = async (until: number): Promise<void> => {
    const client = async (): Promise<void> => {
      while (next < until) await one(next++)
    }
    await Promise.all(Array.from({ length: CLIENTS }, client))
  }

  const startedAt = performance.now()
  await run(Math.min(10_000, requests / 2))
  const heapBefore = collect()
  await run(requests)
  const { peers: states } = balancer.upstream
  const heapAfter = collect()
  const seconds = (performance.now() - startedAt) / 1000
  agent.destroy()
  // The last failure may have marked a peer a moment ago: its probe brings it back.
  await eventually(() => states.every((peer) => balancer.upstream.status(peer) === 'up'))
  await balancer.close()
  const report = {
    requests,
    ends,
    warnings,
    connections: states.map((peer) => peer.connections),
    statuses: states.map((peer) => balancer.upstream.status(peer)),
    staleConnections: states.reduce((sum, peer) => sum + peer.ledgers.stale, 0),
    transportFailures: states.reduce((sum, peer) => sum + peer.ledgers.transport, 0),
    heapBefore,
    heapAfter,
    peerConnectionsAfterClose: await connectionsLeft(peers),
    seconds,
  }
  edge.close()
  edge.closeAllConnections()
  for (const peer of peers) peer.close()
  return report
}

/** The pool is closed: its connections go away one by one. */
async function connectionsLeft(peers: readonly Server[]): Promise<number> {
  const count = (peer: Server): Promise<number> =>
    new Promise((resolve, reject) => {
      peer.getConnections((error, connections) => {
        if (error === null) resolve(connections)
        else reject(error)
      })
    })
  const counts = (): Promise<number[]> => Promise.all(peers.map(count))
  await eventually(async () => (await counts()).every((connections) => connections === 0))
  return (await counts()).reduce((sum, one) => sum + one, 0)
}

/** Looks again and again, for five seconds at most. */
async function eventually(holds: () => boolean | Promise<boolean>): Promise<void> {
  for (let look = 0; look < 500; look++) {
    if (await holds()) return
    await new Promise((resolve) => setTimeout(resolve, 10))
  }
}

process.stdout.write(`${JSON.stringify(await soak(Number(process.argv[2])))}\n`)
