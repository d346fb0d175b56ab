/** The listening side of a mock upstream: its port, and the connections that it has open. */
import { createServer } from 'node:net'
import type { AddressInfo, Server, Socket } from 'node:net'
import { createSecureContext, TLSSocket } from 'node:tls'
import type { SecureContext, SecureContextOptions } from 'node:tls'
import type { CloseHow } from './answer.js'
import { MockConnection } from './mock-connection.js'
import type { ConnectionHost } from './mock-connection.js'
import { resetSocket, turnAway } from './mock-socket.js'

/** TLS of a mock upstream: key and certificate, and whatever else a secure context takes. */
export interface MockTlsOptions extends SecureContextOptions {
  /** Ask the client for a certificate; it is not checked. Default false. */
  requestCert?: boolean
}

export interface ListenOptions {
  /** Default `'127.0.0.1'`. */
  host?: string
  /** Default 0: any free one. */
  port?: number
  /** Listen on a unix socket instead. */
  socketPath?: string
  /** Speak TLS. */
  tls?: MockTlsOptions
}

export class MockListener {
  readonly host: string
  /** 0 until it listens, and on a unix socket. */
  port: number
  accepted = 0
  paused: Promise<void> | undefined

  readonly #options: ListenOptions
  readonly #connectionHost: ConnectionHost
  readonly #secureContext: SecureContext | undefined
  /** Every open TCP connection; undefined while nobody talks on it. */
  readonly #open = new Map<Socket, MockConnection | undefined>()
  /** Accepted while paused, with their numbers. */
  readonly #waiting = new Map<Socket, number>()
  #server: Server | undefined
  #failing: { left: number; how: CloseHow } = { left: 0, how: 'reset' }
  #resume: () => void = () => undefined

  constructor(options: ListenOptions, connectionHost: ConnectionHost) {
    this.#options = options
    this.#connectionHost = connectionHost
    this.host = options.host ?? '127.0.0.1'
    this.port = options.port ?? 0
    if (options.tls !== undefined) this.#secureContext = createSecureContext(options.tls)
  }

  get listening(): boolean {
    return this.#server !== undefined
  }

  get openConnections(): number {
    return this.#open.size
  }

  get connections(): MockConnection[] {
    return [...this.#open.values()].filter((connection) => connection !== undefined)
  }

  async listen(): Promise<void> {
    if (this.#server !== undefined) return
    const server = createServer({ allowHalfOpen: true, pauseOnConnect: true }, (socket) =>
      this.#onConnection(socket),
    )
    this.#server = server
    const { socketPath } = this.#options
    try {
      await new Promise<void>((resolve, reject) => {
        server.once('error', reject)
        const where =
          socketPath === undefined ? { host: this.host, port: this.port } : { path: socketPath }
        server.listen(where, resolve)
      })
    } catch (error) {
      this.#server = undefined
      throw error
    }
    server.on('error', () => undefined)
    if (socketPath === undefined) this.port = (server.address() as AddressInfo).port
  }

  /** From here on connections are refused. The open ones stay. */
  unlisten(): void {
    this.#server?.close()
    this.#server = undefined
  }

  failNext(left: number, how: CloseHow): void {
    this.#failing = { left, how }
  }

  pause(): void {
    if (this.paused !== undefined) return
    this.paused = new Promise((resolve) => (this.#resume = resolve))
    for (const connection of this.connections) connection.setPaused('paused')
  }

  resume(): void {
    if (this.paused === undefined) return
    this.paused = undefined
    this.#resume()
    for (const connection of this.connections) connection.setPaused('running')
    for (const [socket, id] of this.#waiting) if (!socket.destroyed) this.#talk(socket, id)
    this.#waiting.clear()
  }

  /** Drops every connection now. */
  dropAll(how: CloseHow): void {
    for (const [socket, connection] of this.#open) {
      if (how === 'fin') connection?.destroy()
      else connection?.close('reset')
      if (how === 'fin') socket.destroy()
      else resetSocket(socket, socket)
    }
  }

  #onConnection(socket: Socket): void {
    this.accepted++
    this.#open.set(socket, undefined)
    socket.on('error', () => undefined)
    socket.once('close', () => {
      this.#open.delete(socket)
      this.#waiting.delete(socket)
      this.#connectionHost.changed()
    })
    if (this.#failing.left > 0) {
      this.#failing.left--
      turnAway(socket, this.#failing.how)
    } else if (this.paused !== undefined) {
      this.#waiting.set(socket, this.accepted)
    } else if (!this.#connectionHost.behaviour.acceptAndHang) {
      this.#talk(socket, this.accepted)
    }
    this.#connectionHost.changed()
  }

  #talk(tcp: Socket, id: number): void {
    const socket = this.#secureContext === undefined ? tcp : this.#secure(tcp, this.#secureContext)
    this.#open.set(tcp, new MockConnection(id, socket, tcp, this.#connectionHost))
    socket.resume() // from pauseOnConnect
  }

  #secure(tcp: Socket, secureContext: SecureContext): Socket {
    return new TLSSocket(tcp, {
      isServer: true,
      secureContext,
      requestCert: this.#options.tls?.requestCert ?? false,
      rejectUnauthorized: false,
    })
  }
}
