/** An `Upstream` as it is handed out: its state, its pool, its probes. */
import { isDeepStrictEqual } from 'node:util'
import { defaultsOf } from './config/defaults.js'
import {
  refuseOwnTls,
  resolveNewPeer,
  resolvePeerChanges,
  resolvePeers,
} from './config/membership.js'
import type { MembershipRules } from './config/membership.js'
import { resolveOwnTls, resolveTls } from './config/tls-update.js'
import type { PeerConfig, UpstreamConfig } from './config/types.js'
import { logPeer } from './debug.js'
import type { HealthChecker } from './health/health-checker.js'
import { isProbed } from './health/prober.js'
import type { Prober } from './health/prober.js'
import type { AdaptiveConcurrency } from './overload/adaptive-concurrency.js'
import { DiscoveredList } from './discovered-list.js'
import type { PeerOptions, PeerSource, PeerTlsOptions } from './options.js'
import { PeerFeed } from './peer-feed.js'
import type { StickySessions } from './sticky/sticky-sessions.js'
import type { AgentPool } from './transport/agents.js'
import type { UpstreamConnections } from './transport/connections.js'
import type { UpstreamTls } from './transport/tls.js'
import type { FailedStep, Peer, PeerState, PeerStatus } from './upstream/peer.js'
import type { MergedPeers } from './upstream/membership.js'
import type { PeerRegistry } from './upstream/registry.js'
import type {
  DiscoveryEvent,
  EjectReason,
  HealthReason,
  PeerChanges,
  ReturnReason,
  Upstream,
  UpstreamObserver,
} from './upstream/upstream.js'
import type { RegistryPeers } from './zone/shared-peers.js'

export interface UpstreamParts {
  /** What it was made of. */
  readonly config: UpstreamConfig
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
  /** Then there is no prober. */
  readonly checker: HealthChecker | undefined
  /** The field in which peers tell of their load, in lower case. */
  readonly feedback: string | undefined
  /** Shared with other workers. */
  readonly zone?: RegistryPeers | undefined
  readonly sticky: StickySessions | undefined
  readonly failOn: ReadonlySet<string>
  /** A request that may not be repeated never goes out on a kept connection. */
  readonly freshNonIdempotent: boolean
}

export class UpstreamHandle implements Upstream, UpstreamObserver {
  readonly parts: UpstreamParts
  readonly #discovered = new DiscoveredList()
  #feed: PeerFeed | undefined

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
    if (this.parts.zone !== undefined) refuseOwnTls('peers', [entry])
    return registry.add(entry, (added) => {
      tls.replaceOwn(added, entry.tls)
    })
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
    const { checker, prober, zone } = this.parts
    if (!isProbed(zone?.reasonOf(peer, reason) ?? reason)) return
    if (zone?.leads ?? true) prober?.watch(peer, step)
    checker?.marked(peer, step)
  }

  returned(peer: Peer, reason: ReturnReason): void {
    if (logPeer.enabled) logPeer('%s is back: %s', peer.name, reason)
    this.parts.prober?.unwatch(peer)
    this.parts.checker?.returned(peer)
  }

  health(peer: Peer, reason: HealthReason, checks: number): void {
    if (!logPeer.enabled) return
    logPeer('%s is %s: %s (%d)', peer.name, peer.healthy ? 'healthy' : 'unhealthy', reason, checks)
  }

  changed(peer: Peer): void {
    this.parts.checker?.changed(peer)
  }

  joined(peer: Peer): void {
    if (logPeer.enabled) logPeer('%s has joined', peer.name)
    this.parts.checker?.watch(peer)
  }

  left(peer: Peer): void {
    if (logPeer.enabled) logPeer('%s has left', peer.name)
    this.parts.prober?.unwatch(peer)
    this.parts.checker?.unwatch(peer)
    this.parts.connections.forget(peer)
  }

  /** From now on the peers are those that `source` tells of. */
  follow(source: PeerSource): void {
    this.#feed = new PeerFeed(source, this, this.parts.registry.clock)
    this.#feed.start()
  }

  takeOver(list: unknown): void {
    const { registry, tls } = this.parts
    const entries = resolvePeers(list, 'peers', this.#rules)
    if (this.#discovered.repeats(entries)) return
    const now = { peers: registry.peers, tlsOf: (peer: Peer) => tls.ownOf(peer) }
    const { joined, left } = this.#replace(this.#discovered.over(now, entries))
    this.#discovered.taken(entries)
    this.#tell({ outcome: 'changed', joined, left })
  }

  sourceFailed(error: Error): void {
    if (logPeer.enabled) logPeer('discovery of "%s" failed: %s', this.name, error.message)
    this.#tell({ outcome: 'failed', error })
  }

  sourceEnded(): void {
    if (logPeer.enabled) logPeer('discovery of "%s" has ended', this.name)
    this.#tell({ outcome: 'ended' })
  }

  close(): Promise<void> {
    this.parts.zone?.close()
    this.#feed?.stop()
    this.parts.prober?.stop()
    this.parts.checker?.stop()
    this.parts.connections.close()
    // One of the user's holds what it holds.
    this.parts.pool.close()
    return Promise.resolve()
  }

  #tell(event: DiscoveryEvent): void {
    for (const observer of this.parts.registry.observers) observer.discovered?.(event)
  }

  get #rules(): MembershipRules {
    const { rules, tls } = this.parts
    return { ...rules, defaults: { ...rules.defaults, tls: tls.group } }
  }

  #replace(entries: readonly PeerConfig[]): MergedPeers {
    const { registry, tls, connections, zone } = this.parts
    if (zone !== undefined)
      refuseOwnTls(
        'peers',
        entries.map((entry) => this.#newTls(entry)),
      )
    return registry.replace(entries, (peers) => {
      for (const [index, peer] of peers.entries()) {
        const own = entries[index]?.tls
        if (isDeepStrictEqual(own, tls.ownOf(peer))) continue
        tls.replaceOwn(peer, own)
        connections.renew(peer)
      }
    })
  }

  /** The entry, unless the peer it describes has the same already. */
  #newTls(entry: PeerConfig): PeerConfig | undefined {
    if (entry.tls === undefined) return undefined
    const { registry, tls } = this.parts
    const { protocol, name } = entry.address
    const known = registry.peers.find((each) => each.protocol === protocol && each.name === name)
    return known !== undefined && isDeepStrictEqual(entry.tls, tls.ownOf(known)) ? undefined : entry
  }

  #stateOf(peer: Peer): PeerState {
    const state = this.parts.registry.stateOf(peer)
    if (state === undefined)
      throw new TypeError(`${peer.name} is no peer of upstream "${this.name}"`)
    return state
  }
}
