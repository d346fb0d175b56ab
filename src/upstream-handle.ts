/** An `Upstream` as it is handed out: its state, its pool, its probes. */
import { defaultsOf } from './config/defaults.js'
import { resolveOwnTls, resolveTls } from './config/tls-update.js'
import { logPeer } from './debug.js'
import type { Prober } from './health/prober.js'
import type { PeerTlsOptions } from './options.js'
import type { AgentPool } from './transport/agents.js'
import type { UpstreamConnections } from './transport/connections.js'
import type { UpstreamTls } from './transport/tls.js'
import type { FailedStep, Peer, PeerState, PeerStatus } from './upstream/peer.js'
import type {
  EjectReason,
  PeerRegistry,
  ReturnReason,
  Upstream,
  UpstreamObserver,
} from './upstream/upstream.js'

export interface UpstreamParts {
  readonly registry: PeerRegistry
  readonly pool: AgentPool
  readonly connections: UpstreamConnections
  readonly tls: UpstreamTls
  readonly prober: Prober | undefined
  readonly failOn: ReadonlySet<string>
  /** A request that may not be repeated never goes out on a kept connection. */
  readonly freshNonIdempotent: boolean
}

export class UpstreamHandle implements Upstream, UpstreamObserver {
  readonly parts: UpstreamParts

  constructor(parts: UpstreamParts) {
    this.parts = parts
    parts.registry.observers.add(this)
  }

  get name(): string {
    return this.parts.registry.name
  }

  get peers(): readonly Peer[] {
    return this.parts.registry.peers
  }

  status(peer: Peer): PeerStatus {
    return this.parts.registry.status(this.#stateOf(peer))
  }

  updateTls(options: PeerTlsOptions, peer?: Peer): void {
    const { connections, registry, tls } = this.parts
    if (peer === undefined) {
      const { verify } = defaultsOf({ nginx: registry.nginx })
      tls.replaceGroup(resolveTls(options, verify, tls.own))
    } else {
      const state = this.#stateOf(peer)
      tls.replaceOwn(state, resolveOwnTls(options, state.protocol, tls.group))
    }
    if (logPeer.enabled) logPeer('%s has new TLS settings', peer?.name ?? this.name)
    connections.renew(peer)
  }

  ejected(peer: Peer, reason: EjectReason, step: FailedStep): void {
    if (logPeer.enabled) logPeer('%s is marked: %s', peer.name, reason)
    // A probe touches no resource: what it is answered says nothing about a status that counts.
    if (reason !== 'status') this.parts.prober?.watch(peer, step)
  }

  returned(peer: Peer, reason: ReturnReason): void {
    if (logPeer.enabled) logPeer('%s is back: %s', peer.name, reason)
    this.parts.prober?.unwatch(peer)
  }

  close(): Promise<void> {
    this.parts.prober?.stop()
    this.parts.connections.close()
    // One of the user's holds what it holds.
    this.parts.pool.close()
    return Promise.resolve()
  }

  #stateOf(peer: Peer): PeerState {
    const state = this.parts.registry.stateOf(peer)
    if (state === undefined)
      throw new TypeError(`${peer.name} is no peer of upstream "${this.name}"`)
    return state
  }
}
