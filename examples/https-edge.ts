/** The TLS edge: clients speak https, the servers behind it plain http. */
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { createServer } from 'node:https'
import type { AddressInfo, Socket } from 'node:net'
import { createBalancer } from 'evenkeel'
import { runAlone } from './support/run-alone.js'
import type { ExampleOptions, RunningExample } from './support/run-alone.js'

// Self-signed, for localhost, and public: for trying things out and for nothing else.
const cert = readFileSync(new URL('./demo/engine/tls/test-only-cert.pem', import.meta.url))
const key = readFileSync(new URL('./demo/engine/tls/test-only-key.pem', import.meta.url))

export async function start({ upstream, port }: ExampleOptions): Promise<RunningExample> {
  // The peers see `X-Forwarded-Proto: https`. A client's own `X-Forwarded-*` fields are not believed: should another
  // proxy stand in front of this one, name it in `trustProxy`.
  const balancer = createBalancer({ upstream, selector: 'least_conn' })

  const server = createServer({ cert, key }, balancer).on('upgrade', balancer.upgrade)
  const connections = new Set<Socket>()
  server.on('connection', (socket: Socket) => {
    connections.add(socket)
    socket.once('close', () => connections.delete(socket))
  })
  server.listen(port, '127.0.0.1')
  await once(server, 'listening')

  return {
    url: `https://localhost:${(server.address() as AddressInfo).port}`,
    async close() {
      const closed = once(server, 'close')
      server.close()
      await balancer.close({ timeout: 10_000 })
      // Whoever is still connected has asked for nothing. Node does not call that idle.
      for (const socket of connections) socket.destroySoon()
      await closed
    },
  }
}

await runAlone(import.meta.url, start, 'curl -ik URL/hello')
