/** The balancer as the request handler of a plain `http` server. */
import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo, Socket } from 'node:net'
import { createBalancer } from 'evenkeel'
import { runAlone } from './support/run-alone.js'
import type { ExampleOptions, RunningExample } from './support/run-alone.js'

export async function start({ upstream, port }: ExampleOptions): Promise<RunningExample> {
  const balancer = createBalancer({ upstream })

  // What an operator wants to know. None of it is needed for the balancer to work.
  balancer.on('eject', ({ peer, reason }) => console.warn(`${peer.name} is marked: ${reason}`))
  balancer.on('return', ({ peer, reason }) => console.warn(`${peer.name} is back: ${reason}`))
  balancer.on('error', (error) => console.warn(error.code, error.message, error.attempts))

  const server = createServer(balancer).on('upgrade', balancer.upgrade)
  const connections = new Set<Socket>()
  server.on('connection', (socket: Socket) => {
    connections.add(socket)
    socket.once('close', () => connections.delete(socket))
  })
  server.listen(port, '127.0.0.1')
  await once(server, 'listening')

  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    async close() {
      const closed = once(server, 'close')
      server.close() // no new connections
      await balancer.close({ timeout: 10_000 }) // the requests under way are finished first
      // Whoever is still connected has asked for nothing. Node does not call that idle.
      for (const socket of connections) socket.destroySoon()
      await closed
    },
  }
}

await runAlone(import.meta.url, start)
