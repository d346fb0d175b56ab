/** The TLS edge: an ordinary https server with the balancer as its handler. */
import { readFileSync } from 'node:fs'
import { createServer } from 'node:https'
import type { Server } from 'node:https'
import type { IncomingMessage, ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'

type Handler = (request: IncomingMessage, response: ServerResponse) => void

/** Self-signed, for localhost; the clients of the replay trust this one and nothing else. */
export const certificate = readFileSync(new URL('./tls/test-only-cert.pem', import.meta.url))
const key = readFileSync(new URL('./tls/test-only-key.pem', import.meta.url))

/** Longer than any run: the leg between client and edge is not what is examined. */
const KEEP_ALIVE = 600_000

export class Edge {
  readonly #server: Server
  /** May be changed while it serves. */
  handler: Handler = (_request, response) => void response.writeHead(503).end()

  private constructor() {
    this.#server = createServer(
      { key, cert: certificate, keepAliveTimeout: KEEP_ALIVE },
      (request, response) => this.handler(request, response),
    )
  }

  static async open(): Promise<Edge> {
    const edge = new Edge()
    await new Promise<void>((resolve, reject) => {
      edge.#server.once('error', reject).listen(0, '127.0.0.1', resolve)
    })
    return edge
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port
  }

  close(): Promise<void> {
    return new Promise((resolve) => {
      this.#server.close(() => resolve())
      this.#server.closeAllConnections()
    })
  }
}
