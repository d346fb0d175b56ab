/** agentkeepalive, following the rules of its peer's connections. */
import type { Agent, ClientRequest, IncomingMessage } from 'node:http'
import type { Socket } from 'node:net'
import { HttpAgent, HttpsAgent } from 'agentkeepalive'
import type { BindOptions } from './bind.js'
import type { PeerConnections, RuledSocket } from './peer-connections.js'
import type { PeerTlsConnectOptions } from './tls.js'

type PooledSocket = RuledSocket & {
  freeSocketTimeout?: number
  _httpMessage?: ClientRequest
}

/** The parts of Node's agent that its types leave out. They have been stable since Node 12. */
interface AgentBase {
  getName(options?: object): string
  destroy(): void
  freeSockets: Record<string, PooledSocket[] | undefined>
  sockets: Record<string, PooledSocket[] | undefined>
  addRequest(request: ClientRequest, options: object): void
  readonly keepAliveMsecs: number
  reuseSocket(socket: Socket, request: ClientRequest): void
  removeSocket(socket: Socket, options: object): void
  createConnection(
    options: object,
    done?: (error: Error | null, socket?: Socket) => void,
  ): Socket | undefined
}

type AgentConstructor = new (options: object) => AgentBase

/** An agent that follows the rules, as the pool uses it. */
interface RuledAgent extends AgentBase {
  /** The same pool for requests that must not go out on a kept connection. */
  readonly fresh: Agent
  status(): { active: number; idle: number }
  /** Its settings are out of date: idle connections are closed now, those in use when their response is complete. */
  retire(): void
}

type RuledAgentConstructor = new (connections: PeerConnections, options: object) => RuledAgent

/** Node calls these methods of an agent; each asks the rules first. */
function withRules(base: AgentConstructor): RuledAgentConstructor {
  return class extends base {
    readonly #connections: PeerConnections
    #retired = false

    constructor(connections: PeerConnections, options: object) {
      const { settings } = connections
      super({
        ...options,
        keepAlive: true,
        maxFreeSockets: settings.connections,
        // Working sockets are watched by the attempt's own timeouts: agentkeepalive would cut them after 8 s.
        timeout: 0,
        freeSocketTimeout: settings.timeout,
        socketActiveTTL: settings.time,
        scheduling: 'lifo',
      })
      this.#connections = connections
    }

    /** One agent serves one peer: no need for a name made of every option, at each request. */
    override getName(): string {
      return this.#connections.peer.name
    }

    override addRequest(request: ClientRequest, options: object): void {
      const name = this.getName()
      // Last in, first out: Node takes the youngest, so the ones before it may rest until their timers end them.
      let youngest = this.freeSockets[name]?.at(-1)
      while (youngest !== undefined && !this.#connections.usable(youngest)) {
        this.removeSocket(youngest, options)
        this.#connections.retire(youngest)
        youngest = this.freeSockets[name]?.at(-1)
      }
      super.addRequest(request, options)
    }

    /** As `addRequest`, past the free connections. */
    addFreshRequest(request: ClientRequest, options: object): void {
      const name = this.getName()
      const free = this.freeSockets[name]
      // eslint-disable-next-line @typescript-eslint/no-dynamic-delete -- Node's own way of saying "none free"
      delete this.freeSockets[name]
      super.addRequest(request, options)
      if (free !== undefined) this.freeSockets[name] = free
    }

    keepSocketAlive(socket: PooledSocket): boolean {
      if (this.#retired) return false
      const response = (socket._httpMessage as { res?: IncomingMessage } | undefined)?.res
      const allowance = this.#connections.allowance(socket, response?.rawHeaders)
      if (allowance <= 0) return false
      const timeout = Math.max(1, Math.floor(allowance))
      socket.freeSocketTimeout = timeout
      // In place of Node's own method, which builds an object of all header fields to look for the hint we have read,
      // and refuses what is announced for one second.
      socket.setKeepAlive(true, this.keepAliveMsecs)
      socket.unref()
      if (socket.timeout !== timeout) socket.setTimeout(timeout)
      return true
    }

    override reuseSocket(socket: PooledSocket, request: ClientRequest): void {
      this.#connections.reused(socket)
      super.reuseSocket(socket, request)
    }

    override createConnection(
      options: object,
      done?: (error: Error | null, socket?: Socket) => void,
    ): Socket | undefined {
      const socket = super.createConnection(options, done)
      if (socket !== undefined) this.#connections.opened(socket)
      return socket
    }

    retire(): void {
      this.#retired = true
      this.#connections.retireAll(this.freeSockets[this.getName()])
    }

    override destroy(): void {
      this.retire()
      this.#connections.retireAll(this.sockets[this.getName()])
      super.destroy()
    }

    get fresh(): Agent {
      const addRequest = this.addFreshRequest.bind(this)
      return Object.create(this, { addRequest: { value: addRequest } }) as Agent
    }

    status(): { active: number; idle: number } {
      const name = this.getName()
      return { active: this.sockets[name]?.length ?? 0, idle: this.freeSockets[name]?.length ?? 0 }
    }
  }
}

const HttpRules = withRules(HttpAgent as unknown as AgentConstructor)
const HttpsRules = withRules(HttpsAgent as unknown as AgentConstructor)

/** Connections to one peer over plain TCP or a unix socket. */
export class HttpKeepaliveAgent extends HttpRules {}

/**
 * Connections to one peer over TLS. Sessions are kept by the agent, and a resumed one is not verified again: so an
 * agent has one peer, and its settings for good; with others there is another agent, and nothing of this one resumed.
 */
export class HttpsKeepaliveAgent extends HttpsRules {
  constructor(connections: PeerConnections, bind: BindOptions, tls: PeerTlsConnectOptions) {
    super(connections, { ...bind, ...tls })
  }
}
