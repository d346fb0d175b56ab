/** An `Upstream` as it is handed out: its state, its pool, its probes. */
import { isDeepStrictEqual } from 'node:util'
import { defaultsOf } from './config/defaults.js'
import { resolveNewPeer, resolvePeerChanges, resolvePeers } from './config/membership.js'
import type { MembershipRules } from './config/membership.js'
import { resolveOwnTls, resolveTls } from './config/tls-update.js'
import type { PeerConfig } from './config/types.js'
import { logPeer } from './debug.js'
import type { Prober } from './health/prober.js'
import type { AdaptiveConcurrency } from './overload/adaptive-concurrency.js'
import type { PeerOptions, PeerTlsOptions } from './options.js'
import type { AgentPool } from './transport/agents.js'
import type { UpstreamConnections } from './transport/connections.js'
import type { UpstreamTls } from './transport/tls.js'
import type { FailedStep, Peer, PeerState, PeerStatus } from './upstream/peer.js'
import type { PeerRegistry } from './upstream/registry.js'
import type {
  EjectReason,
  PeerChanges,
  ReturnReason,
  Upstream,
  UpstreamObserver,
} from './upstream/upstream.js'

export interface UpstreamParts {
  readonly registry: PeerRegistry
  readonly pool: AgentPool
  readonly connections: UpstreamConnections
  readonly tls: UpstreamTls
  /** For peers that come or change. */
  readonly rules: Omit<MembershipRules, 'defaults'> & {
    readonly defaults: Omit<MembershipRules['defaults'], 'tls'>
  }
  readonly prober: Prober | undefined
  /** Undefined: no limit in all. */
  readonly concurrency: AdaptiveConcurrency | undefined
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

  get waiting(): number {
    return this.parts.registry.queue.length
  }

  status(peer: Peer): PeerStatus {
    return this.parts.registry.status(this.#stateOf(peer))
  }

  add(peer: string | PeerOptions): Peer {
    const { registry, tls } = this.parts
    const entry = resolveNewPeer(peer, registry.peers, this.#rules)
    const added = registry.add(entry)
    tls.replaceOwn(added, entry.tls)
    return added
  }

  remove(peer: Peer): void {
    this.parts.registry.remove(this.#stateOf(peer))
  }

  update(peer: Peer, parameters: PeerChanges): Peer {
    const state = this.#stateOf(peer)
    this.parts.registry.update(state, resolvePeerChanges(parameters, state, this.parts.rules))
    return state
  }

  drain(peer: Peer): Peer {
    return this.update(peer, { drain: true })
  }

  replace(peers: readonly (string | PeerOptions)[]): void {
    this.#replace(resolvePeers(peers, 'peers', this.#rules))
  }

  updateTls(options: PeerTlsOptions, peer?: Peer): void {
    const { connections, registry, tls } = this.parts
    if (peer === undefined) {
      const { verify } = defaultsOf({ nginx: registry.nginx })
      const own = registry.peers.map((each) => tls.ownOf(each))
      tls.replaceGroup(resolveTls(options, verify, own))
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

  joined(peer: Peer): void {
    if (logPeer.enabled) logPeer('%s has joined', peer.name)
  }

  left(peer: Peer): void {
    if (logPeer.enabled) logPeer('%s has left', peer.name)
    this.parts.prober?.unwatch(peer)
    this.parts.connections.forget(peer)
  }

  close(): Promise<void> {
    this.parts.prober?.stop()
    this.parts.connections.close()
    // One of the user's holds what it holds.
    this.parts.pool.close()
    return Promise.resolve()
  }

  get #rules(): MembershipRules {
    const { rules, tls } = this.parts
    return { ...rules, defaults: { ...rules.defaults, tls: tls.group } }
  }

  #replace(entries: readonly PeerConfig[]): void {
    const { registry, tls, connections } = this.parts
    for (const [index, peer] of registry.replace(entries).entries()) {
      const own = entries[index]?.tls
      if (isDeepStrictEqual(own, tls.ownOf(peer))) continue
      tls.replaceOwn(peer, own)
      connections.renew(peer)
    }
  }

  #stateOf(peer: Peer): PeerState {
    const state = this.parts.registry.stateOf(peer)
    if (state === undefined)
      throw new TypeError(`${peer.name} is no peer of upstream "${this.name}"`)
    return state
  }
}
