/** The group of peers with everything that is theirs: weights, failures, connections, the queue. */
import type { Clock } from '../clock.js'
import type { PeerTlsOptions } from '../options.js'
import { evenkeelAvailability, nginxAvailability } from './availability.js'
import type { Answer, Availability, Charge } from './availability.js'
import { PeerTier } from './peer-group.js'
import { PeerQueue } from './peer-queue.js'
import type { PeerSelector } from './peer-selector.js'
import { PeerState } from './peer.js'
import type { FailedStep, Peer, PeerAddress, PeerParameters, PeerStatus } from './peer.js'

/** The group of peers as its users see it (nginx `upstream {}`). Made by `createUpstream`, shared by balancers. */
export interface Upstream {
  readonly name: string
  /** In configured order. */
  readonly peers: readonly Peer[]
  status(peer: Peer): PeerStatus
  /**
   * Puts new TLS settings in place of the upstream's `tls`, or of what `peer` has of its own (`{}`: nothing). A peer's
   * own options still win over the upstream's. From now on connections are made with them, those of probes included, and
   * no TLS session of before is resumed. Idle connections are closed, and those in use when their response is complete:
   * no request fails for it. A pool of your own is not touched.
   * @throws {ConfigurationError} when the settings could not be used; the old ones then stay.
   * @example Certificates that are renewed: without the `try`, a file that is half written would end the process.
   * const read = () => ({ ca: readFileSync('ca.pem'), cert: readFileSync('own.pem'), key: readFileSync('own.key') })
   * const balancer = createBalancer({ upstream: ['https://10.0.0.1'], tls: read() })
   * process.on('SIGHUP', () => {
   *   try {
   *     balancer.upstream.updateTls(read())
   *   } catch (error) {
   *     console.error('the old certificates stay in use', error)
   *   }
   * })
   */
  updateTls(options: PeerTlsOptions, peer?: Peer): void
  /** Closes the keepalive pool and stops the probes. Balancers that are given a list do this themselves. */
  close(): Promise<void>
}

/** Why a peer was marked, or came back. */
export type EjectReason = 'error' | 'timeout' | 'invalid_header' | 'status'
export type ReturnReason = 'answered' | 'probe' | 'refund' | 'completed'

/** Told of every change of a peer's standing. */
export interface UpstreamObserver {
  ejected(peer: Peer, reason: EjectReason, step: FailedStep): void
  returned(peer: Peer, reason: ReturnReason): void
}

export interface PeerGroupSettings {
  readonly name: string
  readonly peers: readonly { readonly address: PeerAddress; readonly parameters: PeerParameters }[]
  readonly whenNoneLive: 'try' | 'wait' | 'fail'
  readonly queue: { readonly size: number; readonly timeout: number }
  readonly nginx: boolean
}

/** The state behind an {@link Upstream}. Synchronous throughout: no promise, no I/O. */
export class PeerRegistry {
  readonly name: string
  readonly peers: readonly PeerState[]
  readonly primaries: PeerTier
  readonly backups: PeerTier
  readonly selector: PeerSelector
  readonly whenNoneLive: 'try' | 'wait' | 'fail'
  readonly nginx: boolean
  readonly queue: PeerQueue
  /** Milliseconds that a request may wait in the queue. */
  readonly queueTimeout: number
  readonly observers = new Set<UpstreamObserver>()
  /** nginx `single`: one primary and no backup. */
  readonly single: boolean
  readonly clock: Clock
  readonly #availability: Availability

  constructor(settings: PeerGroupSettings, selector: PeerSelector, clock: Clock) {
    this.name = settings.name
    this.clock = clock
    this.selector = selector
    this.whenNoneLive = settings.whenNoneLive
    this.nginx = settings.nginx
    this.queue = new PeerQueue(clock, settings.queue.size)
    this.queueTimeout = settings.queue.timeout
    this.peers = settings.peers.map(
      (peer, index) => new PeerState(peer.address, peer.parameters, index),
    )
    this.primaries = new PeerTier(this.peers.filter((peer) => !peer.backup))
    this.backups = new PeerTier(this.peers.filter((peer) => peer.backup))
    this.single = this.peers.length === 1
    this.#availability = settings.nginx ? nginxAvailability(this.single) : evenkeelAvailability
  }

  /** The state behind a peer that a selector, a probe or a user hands in; undefined for another upstream's. */
  stateOf(peer: Peer): PeerState | undefined {
    const state = this.peers[peer.index]
    return state === peer ? state : undefined
  }

  status(peer: PeerState): PeerStatus {
    if (peer.down) return 'down'
    if (peer.draining) return 'draining'
    if (!this.#availability.live(peer, this.clock.now())) return 'ejected'
    return peer.full ? 'full' : 'up'
  }

  /** Might be given a request although it is marked. */
  usable(peer: PeerState): boolean {
    return !peer.down && !peer.draining && !peer.full
  }

  /** May be given a request: the one availability test of the library. */
  eligible(peer: PeerState, now: number): boolean {
    return this.usable(peer) && this.#availability.live(peer, now)
  }

  /** An attempt begins. */
  taken(peer: PeerState, now: number): void {
    peer.connections++
    this.#availability.picked(peer, now)
  }

  /** An attempt is over. */
  freed(peer: PeerState, outcome: 'ok' | 'next' | 'failed'): void {
    const wasFull = peer.full
    peer.connections--
    if (outcome !== 'failed' && this.#availability.completed(peer))
      this.#returned(peer, 'completed')
    if (wasFull) this.queue.wakeOne()
  }

  answered(peer: PeerState, answer: Answer): void {
    if (this.#availability.answered(peer, answer)) this.#returned(peer, 'answered')
  }

  failed(peer: PeerState, reason: EjectReason, step: FailedStep): Charge {
    const ledger = reason === 'status' ? 'status' : 'transport'
    const charge = this.#availability.failed(peer, ledger, step, this.clock.now())
    if (charge.ejected) for (const observer of this.observers) observer.ejected(peer, reason, step)
    return charge
  }

  refund(peer: PeerState, charge: Charge): void {
    if (this.#availability.refund(peer, charge)) this.#returned(peer, 'refund')
  }

  /** A background probe has seen the failed step succeed. */
  proved(peer: Peer): void {
    const state = this.stateOf(peer)
    if (state !== undefined && this.#availability.proved(state)) this.#returned(state, 'probe')
  }

  #returned(peer: PeerState, reason: ReturnReason): void {
    for (const observer of this.observers) observer.returned(peer, reason)
    this.queue.wakeAll()
  }
}
