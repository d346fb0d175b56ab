/** The connections to one peer, under the rules that all its connections follow. */
import type { Clock, Timer } from '../../clock.js'
import type { Peer } from '../../upstream/peer.js'
import type { UpstreamConnections } from '../connections.js'
import { hostOf } from '../outgoing-fields.js'
import type { PeerConnections } from '../peer-connections.js'
import { PeerConnection } from './connection.js'
import type { ConnectionPlan, Occupant } from './connection.js'

/** As those of Node's agents. Milliseconds. */
const SOCKET_OPTIONS = { noDelay: true, keepAlive: true, keepAliveInitialDelay: 1000 }

export class PeerPool {
  /** undici writes the right `Host` where a request has none. */
  readonly writesHost: boolean
  readonly #peer: Peer
  readonly #connections: UpstreamConnections
  readonly #rules: PeerConnections
  readonly #clock: Clock
  readonly #maxHeaderSize: number
  readonly #origin: string
  /** All there are, free ones and those in use. */
  readonly #all = new Set<PeerConnection>()
  /** The last is the youngest, and the next to be used. */
  readonly #free: PeerConnection[] = []
  #plan: ConnectionPlan | undefined
  /** Of TLS. A resumed one is not verified again: with other settings it is forgotten. */
  #session: Buffer | undefined
  #sweeper: Timer | undefined
  #sweepAt = Infinity
  /** Called when the last connection has closed. */
  onEmpty: (() => void) | undefined

  constructor(peer: Peer, connections: UpstreamConnections, clock: Clock, maxHeaderSize: number) {
    this.#peer = peer
    this.#connections = connections
    this.#rules = connections.rulesOf(peer)
    this.#clock = clock
    this.#maxHeaderSize = maxHeaderSize
    const host = hostOf(peer)
    this.writesHost = URL.canParse(`http://${host}`) && new URL(`http://${host}`).host === host
    // TLS is ours to make, and no matter of undici's.
    this.#origin = this.writesHost ? `http://${host}` : 'http://localhost'
  }

  get active(): number {
    return this.#all.size - this.#free.length
  }

  get idle(): number {
    return this.#free.length
  }

  get isEmpty(): boolean {
    return this.#all.size === 0
  }

  /** A kept connection; undefined when there is none that may be used. */
  take(occupant: Occupant): PeerConnection | undefined {
    let youngest = this.#free.pop()
    while (youngest !== undefined && !this.#rules.usable(youngest.socket)) {
      this.#rules.retire(youngest.socket)
      youngest = this.#free.pop()
    }
    if (youngest === undefined) return undefined
    this.#rules.reused(youngest.socket)
    youngest.occupant = occupant
    return youngest
  }

  /** A new connection, on its way. */
  open(occupant: Occupant): PeerConnection {
    const plan = (this.#plan ??= this.#newPlan())
    const session = this.#session
    const connection = new PeerConnection(
      session === undefined ? plan : { ...plan, options: { ...plan.options, session } },
      occupant,
    )
    const { socket } = connection
    this.#rules.opened(socket)
    this.#all.add(connection)
    socket.once('close', () => {
      this.#gone(connection)
    })
    if (plan.encrypted) this.#keepSession(connection)
    return connection
  }

  /** Its response, with these fields, is complete. */
  giveBack(connection: PeerConnection, rawHeaders: readonly string[] | undefined): void {
    connection.occupant = undefined
    const { socket } = connection
    if (socket.destroyed) return
    const allowance = connection.outdated ? 0 : this.#rules.allowance(socket, rawHeaders)
    if (allowance <= 0 || this.#free.length >= this.#rules.settings.connections) {
      this.#rules.retire(socket)
      return
    }
    connection.freeUntil = this.#rules.endOf(socket)
    this.#free.push(connection)
    if (connection.freeUntil < this.#sweepAt) this.#armSweeper(connection.freeUntil, allowance)
  }

  /** It is not to be used again, unless it is in use already. */
  withdraw(connection: PeerConnection): void {
    if (connection.occupant === undefined) this.#rules.retire(connection.socket)
  }

  /** New connections have new settings; the others are let go. */
  renew(): void {
    this.#plan = undefined
    this.#session = undefined
    for (const connection of this.#all) connection.outdated = true
    this.#retireFree(() => true)
    this.#sweeper?.cancel()
    this.#sweepAt = Infinity
  }

  close(): void {
    this.#sweeper?.cancel()
    for (const connection of this.#all) {
      connection.destroy()
      this.#rules.retire(connection.socket)
    }
    this.#free.length = 0
  }

  #newPlan(): ConnectionPlan {
    const { protocol, hostname, port, socketPath } = this.#peer
    const encrypted = protocol === 'https:'
    const address = socketPath === undefined ? { host: hostname, port } : { path: socketPath }
    const tls = encrypted
      ? { ...this.#connections.tlsOptions(this.#peer), ALPNProtocols: ['http/1.1'] }
      : undefined
    const options = {
      ...SOCKET_OPTIONS,
      ...address,
      ...this.#connections.bindOptions(this.#peer),
      ...tls,
    }
    return { encrypted, options, origin: this.#origin, maxHeaderSize: this.#maxHeaderSize }
  }

  #keepSession(connection: PeerConnection): void {
    connection.socket.on('session', (session: Buffer) => {
      if (!connection.outdated) this.#session = session
    })
    connection.socket.once('close', (hadError) => {
      if (hadError && !connection.outdated) this.#session = undefined
    })
  }

  #gone(connection: PeerConnection): void {
    this.#all.delete(connection)
    const at = this.#free.indexOf(connection)
    if (at !== -1) this.#free.splice(at, 1)
    if (this.#all.size === 0) this.onEmpty?.()
  }

  /** One timer for all of them, and none for a request. */
  #armSweeper(at: number, delay: number): void {
    this.#sweeper?.cancel()
    this.#sweepAt = at
    this.#sweeper = this.#clock.after(Math.max(1, Math.ceil(delay)), () => {
      this.#sweep()
    })
  }

  #sweep(): void {
    const now = this.#clock.now()
    this.#sweepAt = Infinity
    this.#sweeper = undefined
    this.#retireFree(({ freeUntil }) => freeUntil <= now)
    let next = Infinity
    for (const { freeUntil } of this.#free) next = Math.min(next, freeUntil)
    if (next !== Infinity) this.#armSweeper(next, next - now)
  }

  #retireFree(which: (connection: PeerConnection) => boolean): void {
    const staying: PeerConnection[] = []
    for (const connection of this.#free) {
      if (which(connection)) this.#rules.retire(connection.socket)
      else staying.push(connection)
    }
    this.#free.splice(0, this.#free.length, ...staying)
  }
}
