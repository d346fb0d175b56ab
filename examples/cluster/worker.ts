/** A worker: an edge like any other, that names a zone. */
import cluster from 'node:cluster'
import { once } from 'node:events'
import { createServer } from 'node:http'
import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Socket } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { createBalancer } from 'evenkeel'

/** How long clients are told to leave before the server stops listening, in milliseconds. */
const GRACE = 1000

export async function runWorker(): Promise<void> {
  const balancer = createBalancer({
    upstream: (process.env['PEERS'] ?? '').split(','),
    // Before `listen`: the same channel carries both, so that this worker knows what the others know before it is given
    // its first connection.
    zone: 'edge',
  })
  balancer.on('eject', ({ peer, reason }) => console.warn(`${peer.name} is marked: ${reason}`))
  balancer.on('return', ({ peer, reason }) => console.warn(`${peer.name} is back: ${reason}`))

  let leaving = false
  const handler = (request: IncomingMessage, response: ServerResponse): void => {
    if (leaving) response.setHeader('Connection', 'close')
    balancer(request, response)
  }
  const server = createServer(handler).on('upgrade', balancer.upgrade).on('checkContinue', handler)
  const connections = new Set<Socket>()
  server.on('connection', (socket) => {
    connections.add(socket)
    socket.once('close', () => connections.delete(socket))
  })
  server.listen(Number(process.env['PORT'] ?? 8080), '127.0.0.1')
  await once(server, 'listening')

  const stop = async (): Promise<void> => {
    if (leaving) return
    // Each response is the last on its connection: the client's next one is taken by another worker.
    leaving = true
    const gone = [...connections].map((socket) => once(socket, 'close'))
    await Promise.race([Promise.all(gone), sleep(GRACE)])
    // No new connections, and none that is idle; what is under way is finished.
    server.close()
    await balancer.close({ timeout: 20_000 })
    for (const socket of connections) socket.destroySoon()
    // The channel to the primary is what keeps a worker alive. Not `process.disconnect()`: a connection may be on its way
    // here, and has to go back.
    cluster.worker?.disconnect()
  }
  process.on('message', (message) => {
    if (message === 'stop') void stop()
  })
  // The primary's to decide: Ctrl-C and process managers signal all processes of the group.
  process.on('SIGINT', () => undefined)
  process.on('SIGTERM', () => undefined)
  process.on('SIGHUP', () => undefined)
}
