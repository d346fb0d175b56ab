/** One connection to a peer: a socket that we open ourselves, and undici's client on it. */
import { connect as connectTcp } from 'node:net'
import type { Socket, TcpNetConnectOpts } from 'node:net'
import { connect as connectTls } from 'node:tls'
import type { ConnectionOptions } from 'node:tls'
import { wasRefused } from '../http-proxy/failure.js'
import type { RuledSocket } from '../peer-connections.js'
import { clientOn } from './client.js'
import { InterimFilter } from './interim-filter.js'
import type { HeadObserver } from './interim-filter.js'
import type { OneClient } from './client.js'

/**
 * undici reads all that there is, and what it has not got to when its parser is told to rest, it gives back. A read that
 * leaves nothing makes room for more: a slow client would get a whole response into memory, which is moved at each read.
 */
const MOST_AT_ONCE = 65_536

/** Whoever uses a connection at the moment. */
export interface Occupant extends HeadObserver {
  /** The request is sent, and the head of its response has not come. */
  readonly awaitsHead: boolean
  /** The head of its response has come. */
  readonly hasHead: boolean
  /** TCP stands, the handshake of TLS begins. */
  handshaking(): void
  /** The connection stands. */
  connected(): void
  notConnected(cause: Error): void
  /** The peer has sent its last byte. */
  peerEnded(): void
}

export interface ConnectionPlan {
  readonly encrypted: boolean
  /** Of `net.connect` or `tls.connect`. */
  readonly options: object
  /** For `Host`, where a request has none. */
  readonly origin: string
  readonly maxHeaderSize: number
}

/** In place of ECONNRESET: at that undici takes a body that ends with its connection for a whole one. */
const RESET = 'ERR_EVENKEEL_RESET'

export class PeerConnection {
  readonly socket: RuledSocket
  occupant: Occupant | undefined
  /** Its settings are out of date: it serves nobody else. */
  outdated = false
  /** Broken by a peer that had not accepted us: what was written, nobody has read. */
  isUnread = false
  /** Of the clock; while it is free. */
  freeUntil = 0
  /** Of the socket, when its latest response was complete: to ask the socket takes its time. */
  bytesRead = 0
  bytesWritten = 0
  readonly #plan: ConnectionPlan
  readonly #filter: InterimFilter
  #brokenBy: Error | undefined
  #client: OneClient | undefined

  constructor(plan: ConnectionPlan, occupant: Occupant) {
    this.#plan = plan
    this.#filter = new InterimFilter(plan.maxHeaderSize)
    this.occupant = occupant
    this.socket = plan.encrypted
      ? connectTls(plan.options as ConnectionOptions)
      : connectTcp(plan.options as TcpNetConnectOpts)
    this.#listen(this.socket)
  }

  /** Nothing can be sent on it before {@link Occupant.connected}. */
  get client(): OneClient {
    const { origin, maxHeaderSize } = this.#plan
    this.#client ??= clientOn(this.socket, origin, maxHeaderSize, () => this.whyClosed())
    return this.#client
  }

  /** A request is about to be written. */
  expectHead(): void {
    this.#filter.expectHead()
  }

  /** Of the response, if it is one that undici cannot read. */
  get reason(): string | undefined {
    return this.#filter.reason
  }

  /** The first of its errors: the last one undici tells, and an alert of TLS is followed by the mere end. */
  whyClosed(otherwise = new Error('the connection was closed')): Error {
    return this.#brokenBy ?? otherwise
  }

  /** undici has to be told an error, or it would look for the end of a response in a parser that may be at rest. */
  destroy(): void {
    this.socket.destroy(new Error('the connection was given up'))
  }

  /** Before undici's own listeners: in this order they are called. */
  #listen(socket: Socket): void {
    const { encrypted } = this.#plan
    const read = socket.read.bind(socket)
    socket.read = (size?: number): Buffer | null => {
      const isAll = size === undefined && socket.readableLength > MOST_AT_ONCE
      const chunk = read(isAll ? MOST_AT_ONCE : size) as Buffer | null
      const { occupant } = this
      if (chunk === null || occupant?.awaitsHead !== true) return chunk
      return this.#filter.pass(chunk, occupant)
    }
    if (encrypted) socket.once('connect', () => this.occupant?.handshaking())
    socket.once(encrypted ? 'secureConnect' : 'connect', () => this.occupant?.connected())
    socket.on('error', (cause: NodeJS.ErrnoException) => {
      if (this.#brokenBy === undefined) {
        this.#brokenBy = cause
        // A closed socket no longer knows its protocol.
        this.isUnread = encrypted && wasRefused(cause, socket)
      }
      if (cause.code === 'ECONNRESET' && this.occupant?.hasHead === true) cause.code = RESET
    })
    socket.on('end', () => {
      this.occupant?.peerEnded()
    })
    socket.on('close', () => {
      const cause: NodeJS.ErrnoException | undefined = this.#brokenBy
      if (cause?.code === RESET) cause.code = 'ECONNRESET'
      // With a client it is undici that tells.
      if (this.#client === undefined) this.occupant?.notConnected(this.whyClosed())
    })
  }
}
