/** Clients that see what really comes over the wire. */
import { once } from 'node:events'
import { request } from 'node:http'
import type { IncomingHttpHeaders, RequestOptions } from 'node:http'
import { connect } from 'node:net'
import type { Socket } from 'node:net'
import type { MockUpstream } from 'evenkeel/testing'

/** A bare connection: what it sent, what came, and how it ended. */
export class RawClient {
  received = ''
  /** `fin` or the code of the error; undefined while the peer has not ended it. */
  ended: string | undefined
  /** Code of the error, even of one after a FIN. */
  error: string | undefined
  /** When each chunk came. */
  readonly chunks: string[] = []

  constructor(readonly socket: Socket) {
    socket.on('data', (chunk: Buffer) => {
      this.chunks.push(chunk.toString('latin1'))
      this.received += chunk.toString('latin1')
      socket.emit('progress')
    })
    socket.on('end', () => this.#over('fin'))
    socket.on('error', (error: NodeJS.ErrnoException) => {
      this.error = error.code ?? 'error'
      this.#over(this.error)
    })
  }

  send(bytes: string): this {
    this.socket.write(bytes, 'latin1')
    return this
  }

  /** Waits until what came matches. */
  async until(pattern: RegExp | string): Promise<string> {
    const there = (): boolean =>
      typeof pattern === 'string' ? this.received.includes(pattern) : pattern.test(this.received)
    while (!there()) {
      if (this.ended !== undefined) {
        throw new Error(`ended by ${this.ended} before ${String(pattern)}: ${this.received}`)
      }
      await once(this.socket, 'progress')
    }
    return this.received
  }

  /** How the peer ends the connection. */
  async end(): Promise<string> {
    while (this.ended === undefined) await once(this.socket, 'progress')
    return this.ended
  }

  #over(how: string): void {
    this.ended ??= how
    this.socket.emit('progress')
  }
}

/** Connects to a mock; the connection keeps its side open when the mock ends its own. */
export async function dial(mock: MockUpstream): Promise<RawClient> {
  const socket = connect({ port: mock.port, host: '127.0.0.1', allowHalfOpen: true })
  const client = new RawClient(socket)
  await once(socket, 'connect')
  return client
}

export interface Reply {
  readonly status: number
  readonly message: string
  readonly headers: IncomingHttpHeaders
  readonly rawHeaders: readonly string[]
  readonly body: string
  readonly trailers: NodeJS.Dict<string>
}

/** Node's own client. Rejects with its error, also when the body breaks off. */
export function http(
  mock: MockUpstream,
  options: RequestOptions & { body?: string } = {},
): Promise<Reply> {
  return new Promise((resolve, reject) => {
    const outgoing = request(
      { host: '127.0.0.1', port: mock.port, agent: false, ...options },
      (response) => {
        let body = ''
        response.setEncoding('utf8')
        response.on('data', (chunk: string) => (body += chunk))
        response.on('error', reject)
        response.on('end', () =>
          resolve({
            status: response.statusCode ?? 0,
            message: response.statusMessage ?? '',
            headers: response.headers,
            rawHeaders: response.rawHeaders,
            body,
            trailers: response.trailers,
          }),
        )
      },
    )
    outgoing.on('error', reject)
    outgoing.end(options.body)
  })
}

/** The code that a promise rejects with. */
export function codeOf(promise: Promise<unknown>): Promise<string> {
  return promise.then(
    () => 'no error',
    (error: unknown) => (error as NodeJS.ErrnoException).code ?? 'no code',
  )
}
