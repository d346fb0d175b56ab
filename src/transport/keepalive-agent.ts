/** agentkeepalive, following the rules of its peer's connections. */
import { Agent } from 'node:http'
import type { ClientRequest, IncomingMessage } from 'node:http'
import type { Socket } from 'node:net'
import { HttpAgent, HttpsAgent } from 'agentkeepalive'
import type { BindOptions } from './bind.js'
import { IdleSweep } from './idle-sweep.js'
import type { PeerConnections, RuledSocket } from './peer-connections.js'
import type { SharedReads } from './shared-reads.js'
import type { PeerTlsConnectOptions } from './tls.js'

type PooledSocket = RuledSocket & { _httpMessage?: ClientRequest }
type Created = (error: Error | null, socket?: Socket) => void

/** The parts of Node's agent that its types leave out. They have been stable since Node 12. */
interface AgentBase {
  getName(options?: object): string
  destroy(): void
  freeSockets: Record<string, PooledSocket[] | undefined>
  sockets: Record<string, PooledSocket[] | undefined>
  options: object
  addRequest(request: ClientRequest, options: object): void
  createSocket(request: ClientRequest, options: object, done: Created): void
  on(event: string, listener: (...args: never[]) => void): unknown
  listeners(event: string): ((...args: never[]) => void)[]
  removeAllListeners(event: string): unknown
  readonly keepAliveMsecs: number
  reuseSocket(socket: Socket, request: ClientRequest): void
  removeSocket(socket: Socket, options: object): void
  createConnection(options: object, done: Created): Socket | undefined
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

/**
 * What Node copies for each request, before it looks for a free connection: nothing of it is needed but to open one. A
 * server's name that is there is not looked for.
 */
const REUSED: object = { servername: '' }
const NO_OPTIONS: object = Object.freeze({ timeout: 0 })

function poolOptions({ settings }: PeerConnections, options: object): object {
  return {
    ...options,
    keepAlive: true,
    maxFreeSockets: settings.connections,
    // Working sockets are watched by the attempt's own timeouts: agentkeepalive would cut them after 8 s. Idle ones are
    // the sweep's.
    timeout: 0,
    freeSocketTimeout: 0,
    scheduling: 'lifo',
  }
}

/** Of an agent's it is Node's. agentkeepalive's own is about timeouts that are not used. */
function keepFirstListener(agent: AgentBase, event: string): void {
  const [first] = agent.listeners(event)
  agent.removeAllListeners(event)
  if (first !== undefined) agent.on(event, first)
}

/** Without agentkeepalive's listener, which counts what nobody asks for. Node adds its own in `done`. */
function uncounted(done: Created): Created {
  return (error, socket) => {
    socket?.removeAllListeners('free')
    done(error, socket)
  }
}

/** Node calls these methods of an agent; each asks the rules first. */
function withRules(base: AgentConstructor): RuledAgentConstructor {
  return class extends base {
    readonly #connections: PeerConnections
    readonly #name: string
    /** As Node has completed them. */
    readonly #options: object
    readonly #idle: IdleSweep
    #retired = false

    constructor(connections: PeerConnections, options: object) {
      super(poolOptions(connections, options))
      this.#connections = connections
      this.#name = connections.peer.name
      this.#options = this.options
      this.options = NO_OPTIONS
      this.#idle = new IdleSweep(connections.clock, (now) =>
        connections.endIdle(this.freeSockets[this.#name], now),
      )
      keepFirstListener(this, 'free')
    }

    /** One agent serves one peer: no need for a name made of every option, at each request. */
    override getName(): string {
      return this.#name
    }

    override addRequest(request: ClientRequest, options: object): void {
      const free = this.freeSockets[this.#name]
      // Last in, first out: Node takes the youngest, so the ones before it may rest until their time is over.
      let youngest = free?.at(-1)
      while (youngest !== undefined && !this.#connections.usable(youngest)) {
        this.removeSocket(youngest, options)
        this.#connections.retire(youngest)
        youngest = this.freeSockets[this.#name]?.at(-1)
      }
      super.addRequest(request, youngest === undefined ? options : REUSED)
    }

    /** As `addRequest`, past the free connections. */
    addFreshRequest(request: ClientRequest, options: object): void {
      const free = this.freeSockets[this.#name]
      // eslint-disable-next-line @typescript-eslint/no-dynamic-delete -- Node's own way of saying "none free"
      delete this.freeSockets[this.#name]
      super.addRequest(request, options)
      if (free !== undefined) this.freeSockets[this.#name] = free
    }

    /** Only here are the options of a connection needed. */
    override createSocket(request: ClientRequest, options: object, done: Created): void {
      super.createSocket(request, { ...options, ...this.#options }, done)
    }

    /**
     * In place of agentkeepalive's and Node's own, which set a timer, and build an object of all header fields to look for
     * the hint that the rules have read.
     */
    keepSocketAlive(socket: PooledSocket): boolean {
      if (this.#retired) return false
      const response = (socket._httpMessage as { res?: IncomingMessage } | undefined)?.res
      const allowance = this.#connections.allowance(socket, response?.rawHeaders)
      if (allowance <= 0) return false
      this.#idle.expect(this.#connections.endOf(socket))
      socket.unref()
      return true
    }

    /** Past agentkeepalive, which writes a line for a log that nobody reads, and sees to timeouts that are not used. */
    override reuseSocket(socket: PooledSocket, request: ClientRequest): void {
      this.#connections.reused(socket)
      Agent.prototype.reuseSocket.call(this, socket, request)
    }

    override createConnection(options: object, done: Created): Socket | undefined {
      const socket = super.createConnection(options, uncounted(done))
      if (socket === undefined) return undefined
      this.#connections.opened(socket)
      socket.setKeepAlive(true, this.keepAliveMsecs)
      return socket
    }

    retire(): void {
      this.#retired = true
      this.#connections.retireAll(this.freeSockets[this.#name])
      this.#idle.cancel()
    }

    override destroy(): void {
      this.retire()
      this.#connections.retireAll(this.sockets[this.#name])
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

/** Tells when it has no connection any more. */
interface EndingAgent extends RuledAgent {
  /** Called when the last connection has closed. */
  onEmpty: (() => void) | undefined
}

type EndingAgentConstructor = new (connections: PeerConnections, options: object) => EndingAgent

function withEnd(base: RuledAgentConstructor): EndingAgentConstructor {
  return class extends base {
    onEmpty: (() => void) | undefined

    override removeSocket(socket: PooledSocket, options: object): void {
      super.removeSocket(socket, options)
      if (this.onEmpty === undefined) return
      const { active, idle } = this.status()
      if (active + idle === 0) this.onEmpty()
    }
  }
}

const HttpRules = withEnd(withRules(HttpAgent as unknown as AgentConstructor))
const HttpsRules = withEnd(withRules(HttpsAgent as unknown as AgentConstructor))

/** Connections to one peer over plain TCP or a unix socket. */
export class HttpKeepaliveAgent extends HttpRules {
  readonly #reads: SharedReads

  constructor(connections: PeerConnections, bind: BindOptions, reads: SharedReads) {
    super(connections, bind)
    this.#reads = reads
  }

  override createConnection(options: object, done: Created): Socket | undefined {
    const onread = this.#reads.next()
    if (onread === undefined) return super.createConnection(options, done)
    const socket = super.createConnection({ ...options, onread }, done)
    onread.socket = socket
    return socket
  }
}

/**
 * Connections to one peer over TLS. Sessions are kept by the agent, and a resumed one is not verified again: so an
 * agent has one peer, and its settings for good; with others there is another agent, and nothing of this one resumed.
 */
export class HttpsKeepaliveAgent extends HttpsRules {
  constructor(connections: PeerConnections, bind: BindOptions, tls: PeerTlsConnectOptions) {
    super(connections, { ...bind, ...tls })
  }
}
