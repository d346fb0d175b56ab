/** What log lines say of a client's connection. Asked for while it is open: afterwards Node knows nothing of it. */
import type { Socket } from 'node:net'
import type { TLSSocket } from 'node:tls'
import type { ClientResponse } from '../message/relay.js'
import { TlsLog } from './tls-log.js'
import type { TlsConnection } from './tls-log.js'

const kConnection = Symbol('evenkeel.connectionLog')

interface Carrier {
  [kConnection]?: ConnectionLog | undefined
}

/** Parts of a connection that have to be asked for at a request's begin, where a format has them. */
export interface ConnectionNeeds {
  readonly addresses: boolean
  readonly tls: boolean
}

/** A socket's handle as Node keeps it: its number grows with each one, and no two of a process have the same. */
interface Numbered {
  readonly _handle?: { getAsyncId?: () => number } | null
}

export class ConnectionLog {
  readonly remoteAddress: string | undefined
  readonly remotePort: number | undefined
  readonly encrypted: boolean
  /** `$connection`. */
  readonly number: number
  /** Milliseconds: when its first request came. */
  readonly openedAt: number
  /** `$connection_requests`. */
  requests = 0
  /** Bytes that had been read when the latest logged response was over. */
  read = 0
  /** Bytes that had been written when a response that waited got the connection; -1: none has. */
  handedOver = -1
  #localAddress: string | undefined
  #localPort: number | undefined
  #tls: TlsLog | undefined

  constructor(socket: Socket, now: number) {
    this.remoteAddress = socket.remoteAddress
    this.remotePort = socket.remotePort
    this.encrypted = (socket as Partial<TLSSocket>).encrypted === true
    this.number = (socket as Numbered)._handle?.getAsyncId?.() ?? 0
    this.openedAt = now
  }

  get localAddress(): string | undefined {
    return this.#localAddress
  }

  get localPort(): number | undefined {
    return this.#localPort
  }

  get tls(): TlsLog | undefined {
    return this.#tls
  }

  /** Asks while there is somebody to ask. */
  learn(socket: Socket, needs: ConnectionNeeds): void {
    if (needs.addresses && this.#localAddress === undefined) {
      this.#localAddress = socket.localAddress
      this.#localPort = socket.localPort
    }
    if (needs.tls && this.encrypted) this.#tls ??= new TlsLog(socket as unknown as TlsConnection)
  }
}

/** HTTP/1: the socket; HTTP/2: that of the session, as far as it is shown. */
export function socketOf(res: ClientResponse, socket: Socket): Socket {
  return (res.stream?.session as { readonly socket?: Socket } | undefined)?.socket ?? socket
}

/** Of the connection that the response goes out on; the same object for all of its requests. */
export function connectionLogOf(res: ClientResponse, socket: Socket, now: number): ConnectionLog {
  const { stream } = res
  if (stream === undefined) return logAt(socket, socket, now)
  const carrier = stream as Carrier
  // A stream that is over does not know its session any more.
  return (carrier[kConnection] ??= logAt(stream.session ?? {}, socket, now))
}

function logAt(connection: object, socket: Socket, now: number): ConnectionLog {
  const carrier = connection as Carrier
  return (carrier[kConnection] ??= new ConnectionLog(socket, now))
}
