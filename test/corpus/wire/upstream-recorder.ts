/** An upstream made of nothing but TCP: answers with any bytes, and keeps exactly what it got on each connection. */
import { once } from 'node:events'
import { createServer } from 'node:net'
import type { AddressInfo, Server, Socket } from 'node:net'
import { Malformed, StrictRequestReader } from './strict-requests.js'
import type { SeenRequest } from './strict-requests.js'
import { turns } from '../../helpers/watch-process.js'

/** What is answered, once. */
export interface Answer {
  /** latin1; several are written one after the other, each when the one before has been read. */
  readonly bytes: string | readonly string[]
  /** What becomes of the connection then. `open` is usable again. */
  readonly then: 'open' | 'fin' | 'reset'
  /** When it is answered. Default `request`: when the whole request is here. */
  readonly at?: 'connection' | 'head' | 'request'
  /** The bytes are out (and the connection is ended). */
  readonly played?: () => void
}

export class UpstreamRecorder {
  /** Every request whose head was complete, in the order of their heads. */
  readonly requests: SeenRequest[] = []
  /** What no correct proxy sends. */
  readonly violations: string[] = []
  /** Connections so far. */
  connections = 0
  readonly port: number
  readonly #server: Server
  readonly #sockets = new Set<Socket>()
  #planned: Answer[] = []
  #label: string

  private constructor(server: Server, label: string) {
    this.#server = server
    this.#label = label
    this.port = (server.address() as AddressInfo).port
    server.on('connection', (socket) => {
      this.#connection(socket, ++this.connections)
    })
  }

  /** @param label begins the body of every answer that is not planned. */
  static async start(label: string): Promise<UpstreamRecorder> {
    const server = createServer({ noDelay: true })
    server.listen(0, '127.0.0.1')
    await once(server, 'listening')
    return new UpstreamRecorder(server, label)
  }

  get url(): string {
    return `http://127.0.0.1:${this.port}`
  }

  /** The next request is answered so; others get `<label> <METHOD> <target> <length of the body>`. */
  plan(...answers: Answer[]): void {
    this.#planned = answers
  }

  async close(): Promise<void> {
    this.#server.close()
    for (const socket of this.#sockets) socket.destroy()
    if (this.#server.listening) await once(this.#server, 'close')
  }

  #connection(socket: Socket, id: number): void {
    this.#sockets.add(socket)
    socket.setEncoding('latin1')
    socket.on('error', () => undefined)
    socket.on('close', () => this.#sockets.delete(socket))
    let answering = false
    let answered: SeenRequest | undefined
    const answer = (request: SeenRequest, planned: Answer | undefined): void => {
      answering = true
      answered = request
      void this.#play(socket, planned ?? this.#standard(request)).then(() => (answering = false))
    }
    const reader = new StrictRequestReader(
      id,
      (request) => {
        if (answering) throw new Malformed('a request before the answer to the one before')
        this.requests.push(request)
        if (request.fields.some(([name]) => name.toLowerCase() === 'expect')) {
          socket.write('HTTP/1.1 100 Continue\r\n\r\n')
        }
        if (this.#planned[0]?.at === 'head') answer(request, this.#planned.shift())
      },
      (request) => {
        if (answered !== request) answer(request, this.#planned.shift())
      },
    )
    let broken = false
    socket.on('data', (bytes: string) => {
      if (broken) return
      try {
        reader.push(bytes)
      } catch (error) {
        broken = true
        this.violations.push(`${String(error)} in ${JSON.stringify(bytes.slice(0, 300))}`)
        socket.destroy()
      }
    })
    // Said before anything was asked: an answer to the request follows.
    const unasked = this.#planned[0]?.at === 'connection' ? this.#planned.shift() : undefined
    if (unasked !== undefined) void this.#play(socket, unasked)
  }

  #standard({ method, target, body }: SeenRequest): Answer {
    const text = `${this.#label} ${method} ${target} ${body.length}`
    const head = `HTTP/1.1 200 OK\r\nContent-Length: ${text.length}\r\n\r\n`
    return { bytes: method === 'HEAD' ? head : head + text, then: 'open' }
  }

  async #play(socket: Socket, answer: Answer): Promise<void> {
    const parts = typeof answer.bytes === 'string' ? [answer.bytes] : answer.bytes
    for (const [index, part] of parts.entries()) {
      if (index > 0) await turns()
      if (part !== '' && socket.writable) socket.write(part, 'latin1')
    }
    if (answer.then === 'reset') {
      // What is in the kernel's hands would be lost with it.
      if (parts.some((part) => part !== '')) await turns()
      socket.resetAndDestroy()
    }
    if (answer.then === 'fin') socket.end()
    answer.played?.()
  }
}
