/** agentkeepalive with nginx's limits for each connection, and with what each peer's idle limit teaches. */
import type { Agent, ClientRequest, IncomingMessage } from 'node:http'
import type { Socket } from 'node:net'
import { HttpAgent, HttpsAgent } from 'agentkeepalive'
import type { Clock } from '../clock.js'
import { logPool } from '../debug.js'
import { keepAliveHint } from '../message/response-headers.js'
import type { Peer } from '../upstream/peer.js'
import { IdleLimit } from './idle-limit.js'
import type { BindOptions } from './bind.js'
import type { PeerTlsConnectOptions } from './tls.js'

/** The `keepalive` options, resolved. Milliseconds. */
export interface KeepaliveSettings {
  readonly connections: number
  readonly timeout: number
  readonly requests: number
  readonly time: number
}

/** What we know of one connection; hung on the socket itself, which is cheaper than a WeakMap. */
interface ConnectionState {
  requests: number
  readonly openedAt: number
  /** When it went idle; -1 while in use. */
  idleSince: number
  /** Bytes read when it went idle or was taken: a difference is unasked-for data, or the answer. */
  bytesRead: number
  /** We close it: nothing to learn from. */
  retired: boolean
}

const kState = Symbol('evenkeel.connection')

type PooledSocket = Socket & {
  [kState]?: ConnectionState
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

/** The rules of one peer's connections, apart from the class that Node calls. They outlive an agent. */
export class PeerConnections {
  readonly peer: Peer
  readonly settings: KeepaliveSettings
  readonly #clock: Clock
  readonly #idleLimit: IdleLimit

  constructor(peer: Peer, settings: KeepaliveSettings, clock: Clock) {
    this.peer = peer
    this.settings = settings
    this.#clock = clock
    this.#idleLimit = new IdleLimit(clock)
  }

  /** A connection is being opened. */
  opened(socket: PooledSocket): void {
    const state: ConnectionState = {
      requests: 1,
      openedAt: this.#clock.now(),
      idleSince: -1,
      bytesRead: 0,
      retired: false,
    }
    socket[kState] = state
    socket.once('timeout', () => {
      // Only idle connections have a timeout, and it is ours.
      state.retired = true
    })
    socket.once('close', () => {
      this.#closed(state)
    })
  }

  /** Its response is complete. Returns how long it may now be idle; 0 or less: it is to be closed. */
  allowance(socket: PooledSocket): number {
    const state = socket[kState]
    if (state === undefined) return 0
    const now = this.#clock.now()
    const response = (socket._httpMessage as { res?: IncomingMessage } | undefined)?.res
    if (response !== undefined) {
      const hint = keepAliveHint(response.rawHeaders)
      if (hint !== undefined) this.#idleLimit.announced(hint)
    }
    const left = this.settings.time - (now - state.openedAt)
    const { connections, requests } = this.settings
    const retire = connections === 0 || state.requests >= requests || left <= 0
    state.idleSince = now
    state.bytesRead = socket.bytesRead
    const allowance = retire ? 0 : Math.min(this.settings.timeout, this.#idleLimit.safeAge(), left)
    state.retired = allowance <= 0
    return allowance
  }

  /** It is taken up again. */
  reused(socket: PooledSocket): void {
    const state = socket[kState]
    if (state === undefined) return
    state.requests++
    state.idleSince = -1
    state.bytesRead = socket.bytesRead
  }

  /** Still good for a request: not past its time, and silent since it went idle (RFC 9112 section 9.5: no unasked-for bytes). */
  usable(socket: PooledSocket): boolean {
    const state = socket[kState]
    if (state === undefined || state.idleSince < 0 || socket.destroyed) return false
    if (socket.bytesRead !== state.bytesRead) return false
    return (
      this.#clock.now() - state.idleSince <
      Math.min(this.settings.timeout, this.#idleLimit.safeAge())
    )
  }

  retire(socket: PooledSocket): void {
    const state = socket[kState]
    if (state !== undefined) state.retired = true
    socket.destroy()
  }

  retireAll(sockets: readonly PooledSocket[] = []): void {
    for (const socket of [...sockets]) this.retire(socket)
  }

  #closed(state: ConnectionState): void {
    // Of a connection in use nobody can tell who closed it and why: a client that left, a time-out, a broken URL.
    if (state.retired || state.idleSince < 0) return
    const age = this.#clock.now() - state.idleSince
    const learnt = this.#idleLimit.closedAt(age)
    if (logPool.enabled) {
      logPool(
        '%s closed a connection idle for %d ms%s',
        this.peer.name,
        Math.round(age),
        learnt ? ' (learnt)' : '',
      )
    }
  }
}

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
      const allowance = this.#connections.allowance(socket)
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
