/** A real server on loopback with a balancer behind it that can be exchanged. */
import { once } from 'node:events'
import { createServer } from 'node:http'
import type { IncomingMessage, Server, ServerResponse } from 'node:http'
import type { AddressInfo, Socket } from 'node:net'
import type { Duplex } from 'node:stream'
import type { Balancer } from 'evenkeel'

export class Edge {
  readonly port: number
  balancer: Balancer
  readonly #server: Server
  readonly #sockets = new Set<Socket>()

  private constructor(server: Server, balancer: Balancer) {
    this.#server = server
    this.balancer = balancer
    this.port = (server.address() as AddressInfo).port
    server.on('request', (req: IncomingMessage, res: ServerResponse) => {
      this.balancer(req, res)
    })
    server.on('upgrade', (req: IncomingMessage, socket: Duplex, head: Buffer) => {
      this.balancer.upgrade(req, socket, head)
    })
    server.on('connection', (socket: Socket) => {
      this.#sockets.add(socket)
      socket.once('close', () => this.#sockets.delete(socket))
    })
  }

  /** @param halfOpen a client that has sent its last is answered all the same: its end is then no sign that it left. */
  static async start(balancer: Balancer, halfOpen: 'half-open' | 'standard'): Promise<Edge> {
    // Nothing here is decided by the server's own timeouts.
    const server = createServer({ keepAliveTimeout: 60_000, noDelay: true })
    Object.assign(server, { httpAllowHalfOpen: halfOpen === 'half-open' })
    server.listen(0, '127.0.0.1')
    await once(server, 'listening')
    return new Edge(server, balancer)
  }

  async close(): Promise<void> {
    this.#server.close()
    for (const socket of this.#sockets) socket.destroy()
    await this.balancer.close({ timeout: 2000 })
  }
}
