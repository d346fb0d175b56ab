/** SIGTERM, as process managers send it: nothing that was accepted is lost, and the process ends by itself. */
import { once } from 'node:events'
import { createServer } from 'node:http'
import type { IncomingMessage, ServerResponse } from 'node:http'
import type { AddressInfo, Socket } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { createBalancer } from 'evenkeel'
import { runAlone } from './support/run-alone.js'
import type { ExampleOptions, RunningExample } from './support/run-alone.js'

/** How long clients are told to leave before the server stops listening, in milliseconds. */
const GRACE = 1000

export async function start({ upstream, port }: ExampleOptions): Promise<RunningExample> {
  const balancer = createBalancer({ upstream })
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
  server.listen(port, '127.0.0.1')
  await once(server, 'listening')

  const close = async (): Promise<void> => {
    // First the clients: each response is the last on its connection. A request that is sent just as its connection is
    // closed would be lost, and a POST cannot be sent again.
    leaving = true
    await Promise.race([Promise.all([...connections].map(closed)), sleep(GRACE)])
    // Then the server: it takes no new connections, and closes those that are idle.
    server.close()
    // Then the balancer. Requests under way are finished; those that still come on connections accepted before are
    // served and told to be the last (`Connection: close`); WebSocket clients are sent a close frame, 1001. What is
    // left after the timeout is broken off: set it below the time after which your process manager kills.
    await balancer.close({ timeout: 20_000 })
    // Clients that are connected and say nothing are not idle for Node, and server.close() has stopped its own checks of
    // them. What has been written to a connection is sent before it ends.
    for (const socket of connections) socket.destroySoon()
    // Nothing is left that would keep the process alive: no process.exit() is needed.
  }
  process.once('SIGTERM', () => void close())

  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, close }
}

const closed = (socket: Socket): Promise<unknown> =>
  new Promise((resolve) => socket.once('close', resolve))

await runAlone(import.meta.url, start)
