/** The two ends of many bodies at once: one sends as fast as it may, the other takes as much as it is told to. */
import { createServer } from 'node:http'
import type { IncomingMessage, Server, ServerResponse } from 'node:http'
import { connect } from 'node:net'
import type { AddressInfo, Socket } from 'node:net'
import type { Readable, Writable } from 'node:stream'

const PIECE = Buffer.alloc(64 * 1024)

/** Writes as fast as it may. */
export class Sender {
  readonly #stream: Writable
  readonly #size: number
  #written = 0

  constructor(stream: Writable, size: number) {
    this.#stream = stream
    this.#size = size
    stream.on('error', () => undefined)
    stream.on('drain', this.#pump)
    this.#pump()
  }

  /** Bytes that have left our own buffers. */
  get sent(): number {
    return Math.max(0, this.#written - this.#stream.writableLength)
  }

  get done(): boolean {
    return this.sent >= this.#size
  }

  readonly #pump = (): void => {
    while (this.#written < this.#size) {
      const piece = PIECE.subarray(0, Math.min(PIECE.length, this.#size - this.#written))
      this.#written += piece.length
      if (!this.#stream.write(piece)) return
    }
  }
}

/** Reads what it is told to, or a piece more. */
export class Receiver {
  readonly #stream: Readable
  #allowed = 0
  received = 0

  constructor(stream: Readable) {
    this.#stream = stream
    stream.on('error', () => undefined)
    stream.on('data', (chunk: Buffer) => {
      this.received += chunk.length
      if (this.received >= this.#allowed) stream.pause()
    })
    stream.pause()
  }

  take(bytes: number): void {
    this.#allowed = this.received + bytes
    this.#stream.resume()
  }
}

/** Takes requests and leaves them as they are; `GET /whole/N` is answered with N bytes at once. */
export class Upstream {
  readonly requests: (readonly [IncomingMessage, ServerResponse])[] = []
  readonly #server: Server

  private constructor(server: Server) {
    this.#server = server
  }

  static async start(): Promise<Upstream> {
    const server = createServer({ requestTimeout: 0 })
    const upstream = new Upstream(server)
    server.on('request', (req, res) => {
      const [, whole] = /^\/whole\/(\d+)$/.exec(req.url ?? '') ?? []
      if (whole === undefined) upstream.requests.push([req, res])
      else res.end(Buffer.alloc(Number(whole)))
    })
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    return upstream
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`
  }

  close(): void {
    this.#server.closeAllConnections()
    this.#server.close()
  }
}

/** Clients on bare sockets. */
export function clients(count: number, port: number, head: string): Promise<Socket[]> {
  const one = (): Promise<Socket> =>
    new Promise((resolve, reject) => {
      const socket = connect(port, '127.0.0.1', () => {
        socket.write(head)
        resolve(socket)
      })
      socket.on('error', reject)
    })
  return Promise.all(Array.from({ length: count }, one))
}
