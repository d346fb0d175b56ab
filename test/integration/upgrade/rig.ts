/** WebSocket peers and clients, and a raw client, that end with the test. */
import { once } from 'node:events'
import { createServer } from 'node:http'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { createServer as createHttpsServer } from 'node:https'
import { connect } from 'node:net'
import type { AddressInfo, Socket } from 'node:net'
import { connect as connectTls } from 'node:tls'
import { onTestFinished } from 'vitest'
import { WebSocket, WebSocketServer } from 'ws'
import type { ClientOptions, RawData, ServerOptions } from 'ws'
import { forLocalhost } from '../../fixtures/test-only-certificates.js'
import { Reading } from '../../unit/message/connections.js'

export interface SocketPeer {
  readonly url: string
  /** The handshakes that have come. */
  readonly requests: IncomingMessage[]
  /** Its sides of the connections. */
  readonly sockets: WebSocket[]
  /** Ends every connection at once, and takes no more. */
  kill(): void
  /** Resolves when so many connections are open. */
  has(count: number): Promise<void>
}

export interface SocketPeerOptions extends ServerOptions {
  readonly tls?: boolean
  /** Default: every message goes back as it came. */
  readonly talk?: (socket: WebSocket) => void
}

/** A `ws` server as a peer. */
export async function socketPeer({
  tls = false,
  talk = echo,
  ...options
}: SocketPeerOptions = {}): Promise<SocketPeer> {
  const server = tls ? createHttpsServer(forLocalhost) : createServer()
  server.on('request', (_, res: ServerResponse) => res.writeHead(426).end('no WebSocket asked for'))
  const requests: IncomingMessage[] = []
  const sockets: WebSocket[] = []
  const open = new Set<Socket>()
  const waiting: { count: number; resolve: () => void }[] = []
  server.on('connection', (socket: Socket) => {
    open.add(socket)
    socket.on('close', () => open.delete(socket))
  })
  const webSockets = new WebSocketServer({ server, ...options })
  webSockets.on('connection', (socket, request) => {
    requests.push(request)
    sockets.push(socket)
    socket.on('error', () => undefined)
    talk(socket)
    for (const { count, resolve } of waiting) if (sockets.length >= count) resolve()
  })
  const kill = (): void => {
    server.close()
    for (const socket of open) socket.destroy()
  }
  onTestFinished(kill)
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  return {
    url: tls ? `https://localhost:${port}` : `http://127.0.0.1:${port}`,
    requests,
    sockets,
    kill,
    has: (count) =>
      sockets.length >= count
        ? Promise.resolve()
        : new Promise((resolve) => waiting.push({ count, resolve })),
  }
}

function echo(socket: WebSocket): void {
  socket.on('message', (data: RawData, isBinary) =>
    socket.send(data as Buffer, { binary: isBinary }),
  )
}

export interface Closing {
  readonly code: number
  readonly reason: string
}

/** A `ws` client: messages are kept until they are asked for. */
export class SocketClient {
  readonly socket: WebSocket
  /** The head of the 101. */
  head: IncomingMessage | undefined
  readonly #messages: { data: Buffer; binary: boolean }[] = []
  readonly #waiting: (() => void)[] = []
  readonly closed: Promise<Closing>

  constructor(socket: WebSocket) {
    this.socket = socket
    socket.on('error', () => undefined)
    socket.on('upgrade', (head) => (this.head = head))
    socket.on('message', (data: Buffer, binary) => {
      this.#messages.push({ data, binary })
      this.#waiting.shift()?.()
    })
    this.closed = new Promise((resolve) => {
      socket.on('close', (code, reason) => resolve({ code, reason: reason.toString() }))
    })
  }

  async message(): Promise<{ data: Buffer; binary: boolean }> {
    if (this.#messages.length === 0)
      await new Promise<void>((resolve) => this.#waiting.push(resolve))
    return this.#messages.shift()!
  }

  async text(): Promise<string> {
    return (await this.message()).data.toString()
  }

  close(code = 1000): Promise<Closing> {
    this.socket.close(code)
    return this.closed
  }
}

export interface DialOptions extends ClientOptions {
  readonly path?: string
  readonly protocols?: string[]
  readonly over?: 'plain' | 'tls'
}

/** Begins a handshake. */
export function dialling(
  port: number,
  { path = '/', protocols = [], over = 'plain', ...options }: DialOptions = {},
): SocketClient {
  const url = over === 'plain' ? `ws://127.0.0.1:${port}` : `wss://localhost:${port}`
  const socket = new WebSocket(url + path, protocols, { ca: forLocalhost.cert, ...options })
  onTestFinished(() => socket.terminate())
  return new SocketClient(socket)
}

/** A WebSocket that is open. */
export async function dial(port: number, options?: DialOptions): Promise<SocketClient> {
  const client = dialling(port, options)
  await once(client.socket, 'open')
  return client
}

/** What a handshake was answered with in place of 101. */
export async function refusalOf(
  client: SocketClient,
): Promise<{ status: number; headers: IncomingMessage['headers']; body: string }> {
  const [, response] = (await once(client.socket, 'unexpected-response')) as [
    unknown,
    IncomingMessage,
  ]
  let body = ''
  for await (const chunk of response) body += String(chunk)
  return { status: response.statusCode ?? 0, headers: response.headers, body }
}

// ---- by hand

export const asking = (
  protocol: string,
  { method = 'GET', connection = 'Upgrade', version = '1.1', fields = '' } = {},
): string =>
  `${method} /socket HTTP/${version}\r\nHost: site\r\nConnection: ${connection}\r\n` +
  `Upgrade: ${protocol}\r\n${fields}\r\n`

export interface RawClient {
  readonly socket: Socket
  readonly got: Reading
  /** Resolves when the head of an answer is here; its text. */
  head(): Promise<string>
  /** What has come behind it. */
  rest(): string
}

/** A client whose side stays open until it ends it. */
export function rawClient(port: number, over: 'plain' | 'tls' = 'plain'): RawClient {
  const address = { port, host: '127.0.0.1', allowHalfOpen: true }
  const socket =
    over === 'plain'
      ? connect(address)
      : connectTls({ ...address, ca: forLocalhost.cert, servername: 'localhost' })
  onTestFinished(() => void socket.destroy())
  const got = new Reading(socket)
  const headEnd = (): number => got.text.indexOf('\r\n\r\n')
  return {
    socket,
    got,
    async head() {
      await got.until(() => headEnd() !== -1 || got.closed)
      return got.text.slice(0, headEnd() + 4)
    },
    rest: () => got.text.slice(headEnd() + 4),
  }
}
