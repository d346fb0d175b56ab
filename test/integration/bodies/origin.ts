/** The upstream of the round trips: takes each request as its trip says, and answers so. */
import { once } from 'node:events'
import { createServer } from 'node:http'
import type { IncomingMessage, Server, ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { receive, send } from './body.js'
import type { Received } from './body.js'
import type { Trip } from './trip.js'

export const DIGEST = 'x-digest'

/** What the upstream has seen and sent of one trip. */
export interface AtOrigin {
  /** Requests that came for it. */
  asked: number
  received: Received | undefined
  trailers: readonly string[]
  /** Of the body that was sent back. */
  sha256: string
}

interface Expected {
  readonly path: string
  readonly seen: AtOrigin
  /** The upstream is through with it. */
  readonly over: Promise<void>
}

export class Origin {
  readonly #trips = new Map<string, { trip: Trip; seen: AtOrigin; end: () => void }>()
  readonly #server: Server
  #count = 0

  private constructor(server: Server) {
    this.#server = server
  }

  static async open(): Promise<Origin> {
    const server = createServer({ keepAliveTimeout: 60_000, requestTimeout: 0 })
    const origin = new Origin(server)
    server.on('request', (req, res) => void origin.#serve(req, res))
    server.listen(0, '127.0.0.1')
    await once(server, 'listening')
    return origin
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`
  }

  /** The path to ask for, and what will be seen of it. */
  expect(trip: Trip): Expected {
    const path = `/trip/${++this.#count}`
    const seen: AtOrigin = { asked: 0, received: undefined, trailers: [], sha256: '' }
    const over = new Promise<void>((resolve) => {
      this.#trips.set(path, { trip, seen, end: resolve })
    })
    return { path, seen, over }
  }

  async close(): Promise<void> {
    this.#server.closeAllConnections()
    await new Promise((resolve) => this.#server.close(resolve))
  }

  async #serve(req: IncomingMessage, res: ServerResponse): Promise<void> {
    const known = this.#trips.get(req.url ?? '')
    if (known === undefined) {
      res.writeHead(400).end()
      return
    }
    const { trip, seen, end } = known
    seen.asked++
    const { request, response } = trip
    const reading = receive(req, request.read, request.seed).then((received) => {
      seen.received = received
      seen.trailers = req.rawTrailers
    })
    if (response.hinted) res.writeEarlyHints({ link: '</a.css>; rel=preload' })
    if (response.begins === 'after') await reading
    writeHead(res, trip)
    if (trip.method !== 'HEAD') seen.sha256 = await send(res, response, reading)
    await reading
    if (response.trailers) res.addTrailers([[DIGEST, seen.sha256]])
    res.end()
    end()
  }
}

function writeHead(res: ServerResponse, { status, response }: Trip): void {
  const headers: string[] = []
  if (response.framing === 'length') headers.push('Content-Length', String(response.size))
  if (response.trailers) headers.push('Trailer', DIGEST)
  // Node frames by the end of the connection where it may not use chunks.
  if (response.framing === 'until-close') res.useChunkedEncodingByDefault = false
  res.writeHead(status, headers)
  res.flushHeaders()
}
