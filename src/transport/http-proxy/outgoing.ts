/** What http-proxy-3 is given for one attempt, and what it makes a request of: one object, copied by nobody but Node. */
import type { Agent, ClientRequest, IncomingMessage } from 'node:http'
import type { Socket } from 'node:net'
import type { RequestHead } from '../transport.js'

/** The part of a request that http-proxy-3 takes from `target`. Every property that it looks for is there. */
export interface ProxyTarget {
  readonly protocol: string
  readonly host: string
  readonly hostname: string
  readonly port: number
  readonly socketPath: string | undefined
  readonly href: string
}

/** What becomes of the request. */
export interface Running {
  /** The request is made and nothing of it is sent. */
  onRequest(request: ClientRequest): void
  /** It has its connection, which may still be connecting. */
  onSocket(socket: Socket): void
  onResponse(message: IncomingMessage): void
  onError(cause: Error): void
}

const NO_HEADERS = {}

/**
 * Plays four parts of http-proxy-3's `stream` pass at once, so that there is one small object where there would be
 * three large ones and a copy of each:
 *
 * - its `options`: read by name, never copied, so that most of them stand on the prototype;
 * - `options.ssl`, the base of the options of the request: filled by it, and copied twice by Node, property by property.
 *   So only what Node needs is a property of its own; the rest is taken and dropped. It joins and re-writes the path,
 *   losing an empty query and an asterisk, and makes an object of the fields, losing their order: both are put back
 *   when it sets `url`, which it does last;
 * - `options.buffer`, which it pipes into the request: that tells of the request before anything of it is sent;
 * - its `server`, the emitter of its events: they come as calls.
 */
export class OutgoingRequest {
  readonly agent: Agent
  method: string
  path: string
  headers: object = NO_HEADERS
  host: string
  port: number
  readonly maxHeaderSize: number
  readonly #running: Running
  readonly #target: ProxyTarget
  readonly #path: string
  readonly #fields: readonly string[]

  /**
   * @param fields name, value, name, value …
   * @param maxHeaderSize bytes of response head at most.
   */
  constructor(
    running: Running,
    { method, target: path }: RequestHead,
    fields: readonly string[],
    target: ProxyTarget,
    agent: Agent,
    maxHeaderSize: number,
  ) {
    this.agent = agent
    this.method = method
    this.path = path
    this.host = target.host
    this.port = target.port
    this.maxHeaderSize = maxHeaderSize
    this.#running = running
    this.#target = target
    this.#path = path
    this.#fields = fields
  }

  // ---- the options

  get target(): ProxyTarget {
    return this.#target
  }

  get ssl(): this {
    return this
  }

  get buffer(): this {
    return this
  }

  // ---- the base

  set url(_unused: string) {
    this.path = this.#path
    this.headers = this.#fields
  }

  // ---- the buffer

  pipe(request: ClientRequest): void {
    this.#running.onRequest(request)
  }

  // ---- the server

  /** Of `proxyReq` the last argument is the socket. */
  emit(
    event: string,
    subject: unknown,
    _req: unknown,
    _res: unknown,
    _options: unknown,
    socket: unknown,
  ): void {
    switch (event) {
      case 'proxyReq':
        this.#running.onSocket(socket as Socket)
        return
      case 'proxyRes':
        this.#running.onResponse(subject as IncomingMessage)
        return
      case 'error':
        this.#running.onError(subject as Error)
    }
  }
}

/** What http-proxy-3 sets in the base, and Node does not need: TLS is the agent's. */
const DROPPED = [
  'hostname',
  'socketPath',
  'pfx',
  'key',
  'passphrase',
  'cert',
  'ca',
  'ciphers',
  'secureProtocol',
  'localAddress',
]
/** The response is for us; the path is nobody's to parse. */
const CONSTANT = { selfHandleResponse: true, toProxy: true }

Object.assign(OutgoingRequest.prototype, CONSTANT)
for (const name of DROPPED) {
  Object.defineProperty(OutgoingRequest.prototype, name, { set: () => undefined })
}

/** To a peer on a unix socket. */
export class OutgoingUnixRequest extends OutgoingRequest {
  readonly socketPath = ''
}
