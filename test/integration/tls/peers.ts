/** Peers over TLS, good and bad, that tell what they have seen; ended with the test. */
import { once } from 'node:events'
import { createServer as createHttpsServer } from 'node:https'
import { connect, createServer } from 'node:net'
import type { AddressInfo, Server, ServerOpts, Socket } from 'node:net'
import type { TLSSocket, TlsOptions } from 'node:tls'
import { onTestFinished } from 'vitest'
import { goodPeer } from '../../fixtures/test-only-authority.js'

/** One request as a peer has seen it, and the connection that brought it. */
export interface SeenRequest {
  readonly method: string | undefined
  readonly url: string | undefined
  readonly body: string
  /** Common name of the client's certificate. */
  readonly client: string | undefined
  /** The name that was asked for (SNI); false for none. */
  readonly servername: string | false | null
  readonly resumed: boolean
  readonly remoteAddress: string | undefined
  /** Number of the connection, from 1. */
  readonly connection: number
}

export interface Listening {
  readonly port: number
  /** `https://localhost:port` */
  readonly url: string
  /** TCP connections so far. */
  readonly connections: number
  /** Those that are open now. */
  readonly open: number
  /** Resolves when `condition` holds; it is looked at whenever a connection or a request comes or goes. */
  seen(condition: () => boolean): Promise<void>
}

export interface SecurePeer extends Listening {
  readonly requests: SeenRequest[]
  /** Requests are answered when this is resolved. */
  hold: Promise<void> | undefined
  /** For connections from now on. */
  use(options: TlsOptions): void
}

/** What Node's types leave out. */
type SecuredSocket = Socket &
  Pick<TLSSocket, 'getPeerCertificate' | 'isSessionReused'> & {
    readonly servername: string | false | null
  }

/** A server by Node itself; it answers 200 with `good` as its body. */
export async function securePeer(
  options: TlsOptions = {},
  host = '127.0.0.1',
): Promise<SecurePeer> {
  const requests: SeenRequest[] = []
  const numbers = new WeakMap<Socket, number>()
  const server = createHttpsServer({ ...goodPeer, ...options }, (req, res) => {
    const socket = req.socket as SecuredSocket
    const chunks: Buffer[] = []
    req.on('data', (chunk: Buffer) => chunks.push(chunk))
    req.on('error', () => undefined)
    req.on('end', () => {
      requests.push({
        method: req.method,
        url: req.url,
        body: Buffer.concat(chunks).toString(),
        client: commonName(socket),
        servername: socket.servername,
        resumed: socket.isSessionReused(),
        remoteAddress: socket.remoteAddress,
        connection: numbers.get(socket) ?? 0,
      })
      const answer = (): void => void res.end('good')
      void (peer.hold ?? Promise.resolve()).then(answer)
      look()
    })
  })
  // Connections are for us to close.
  server.keepAliveTimeout = 0
  let secured = 0
  server.on('secureConnection', (socket: TLSSocket) => numbers.set(socket, ++secured))
  server.on('tlsClientError', () => undefined)
  const { listening, look } = await listen(server, host)
  const peer: SecurePeer = Object.assign(listening, {
    requests,
    hold: undefined,
    use: (changes: TlsOptions) => {
      server.setSecureContext({ ...goodPeer, ...options, ...changes })
    },
  })
  return peer
}

function commonName(socket: SecuredSocket): string | undefined {
  const { subject } = socket.getPeerCertificate() as { subject?: { CN?: string } }
  return subject?.CN
}

/** A server on bare TCP. */
export async function tcpPeer(
  onConnection: (socket: Socket) => void,
  options: ServerOpts = {},
): Promise<Listening> {
  const server = createServer(options, (socket) => {
    socket.on('error', () => undefined)
    onConnection(socket)
  })
  return (await listen(server, '127.0.0.1')).listening
}

/** Answers the client's first bytes with an alert, before anything is encrypted (RFC 8446 section 6). */
export function alertingPeer(alert: number): Promise<Listening> {
  return tcpPeer((socket) => {
    socket.once('data', () => socket.end(Buffer.from([21, 3, 3, 0, 2, 2, alert])))
  })
}

/**
 * Stands before `peer`, and lets so many bytes of its side of the handshake through; then comes the end, a reset, or
 * silence.
 */
export function cutPeer(
  peer: Listening,
  bytes: number,
  then: 'end' | 'reset' | 'silence',
): Promise<Listening> {
  return tcpPeer((socket) => {
    const inner = connect(peer.port, '127.0.0.1')
    let left = bytes
    const finish = (): void => {
      if (then === 'end') socket.end()
      if (then === 'reset') socket.resetAndDestroy()
    }
    socket.on('data', (chunk) => {
      inner.write(chunk)
      if (bytes === 0) finish()
    })
    inner.on('data', (chunk: Buffer) => {
      if (left <= 0) return
      const part = chunk.subarray(0, left)
      left -= part.length
      socket.write(part, () => {
        if (left <= 0) finish()
      })
    })
    inner.on('error', () => undefined)
    socket.on('close', () => inner.destroy())
  })
}

async function listen(
  server: Server,
  host: string,
): Promise<{ listening: Listening; look: () => void }> {
  const sockets = new Set<Socket>()
  const waiting = new Set<{ condition: () => boolean; resolve: () => void }>()
  let connections = 0
  const look = (): void => {
    for (const each of waiting) if (each.condition()) each.resolve()
  }
  server.on('connection', (socket: Socket) => {
    connections++
    sockets.add(socket)
    socket.once('close', () => {
      sockets.delete(socket)
      look()
    })
    look()
  })
  server.listen(0, host)
  await once(server, 'listening')
  onTestFinished(() => {
    server.close()
    for (const socket of sockets) socket.destroy()
  })
  const { port } = server.address() as AddressInfo
  const listening: Listening = {
    port,
    url: `https://${host.includes(':') ? `[${host}]` : 'localhost'}:${port}`,
    get connections() {
      return connections
    },
    get open() {
      return sockets.size
    },
    seen: (condition) =>
      condition()
        ? Promise.resolve()
        : new Promise((resolve) => waiting.add({ condition, resolve })),
  }
  return { listening, look }
}
