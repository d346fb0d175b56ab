/** What an upstream knows of the connections to its peers, whoever holds them. */
import type { Clock } from '../clock.js'
import type { Peer } from '../upstream/peer.js'
import { bindOptions } from './bind.js'
import type { BindOptions } from './bind.js'
import { PeerConnections } from './peer-connections.js'
import type { ConnectionWatch, KeepaliveSettings } from './peer-connections.js'
import { SharedReads } from './shared-reads.js'
import type { PeerTlsConnectOptions, UpstreamTls } from './tls.js'

/** How many connections a pool has with one peer. */
export interface PoolStatus {
  /** Connections in use. */
  readonly active: number
  /** Kept and idle. */
  readonly idle: number
}

/** What connections are made with. */
export interface ConnectionSettings {
  readonly keepalive: KeepaliveSettings
  readonly tls: UpstreamTls
  /** A local address, or the system's choice. */
  readonly bind: string | undefined
}

/** A pool of connections. */
export interface ConnectionHolder {
  status(peer: Peer): PoolStatus
  /** The TLS settings of this peer, or of all, have changed: new connections use them, and the others are let go. */
  renew(peer: Peer | undefined): void
  /** The peer is gone: its idle connections are closed now, and the others when they are done with. */
  forget(peer: Peer): void
  /** The upstream is closed: so are all connections. */
  closeConnections(): void
}

/** Shared by all who connect to the peers of one upstream, so that its settings hold for each of their connections. */
export class UpstreamConnections {
  readonly reads = new SharedReads()
  readonly #settings: ConnectionSettings
  readonly #clock: Clock
  /** Of a peer that is gone as long as an attempt at it is under way. */
  readonly #rules = new WeakMap<Peer, PeerConnections>()
  readonly #holders = new Set<ConnectionHolder>()
  readonly #watch: ConnectionWatch | undefined

  constructor(settings: ConnectionSettings, clock: Clock, watch?: ConnectionWatch) {
    this.#settings = settings
    this.#clock = clock
    this.#watch = watch
  }

  /** The rules of one peer's connections: the same object for all, so that what is learnt is known to all. */
  rulesOf(peer: Peer): PeerConnections {
    let rules = this.#rules.get(peer)
    if (rules === undefined) {
      rules = new PeerConnections(peer, this.#settings.keepalive, this.#clock, this.#watch)
      this.#rules.set(peer, rules)
    }
    return rules
  }

  /** From where to connect. */
  bindOptions(peer: Peer): BindOptions {
    return bindOptions(peer, this.#settings.bind)
  }

  /** For a peer over TLS, as of now. */
  tlsOptions(peer: Peer): PeerTlsConnectOptions {
    return this.#settings.tls.connectOptions(peer)
  }

  /** Returns what takes it out again. */
  add(holder: ConnectionHolder): () => void {
    this.#holders.add(holder)
    return () => {
      this.#holders.delete(holder)
    }
  }

  /** Of all pools together. */
  status(peer: Peer): PoolStatus {
    let active = 0
    let idle = 0
    for (const holder of this.#holders) {
      const held = holder.status(peer)
      active += held.active
      idle += held.idle
    }
    return { active, idle }
  }

  /** As each holder's. */
  renew(peer: Peer | undefined): void {
    for (const holder of this.#holders) holder.renew(peer)
  }

  /** The peer is none of the upstream's any more. */
  forget(peer: Peer): void {
    this.rulesOf(peer).ended = true
    for (const holder of this.#holders) holder.forget(peer)
  }

  /** Of all pools. */
  close(): void {
    for (const holder of this.#holders) holder.closeConnections()
  }
}
