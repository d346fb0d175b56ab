/** The group of peers as its users see it. The state behind it is in `registry.ts`. */
import type { PeerOptions, PeerTlsOptions } from '../options.js'
import type { FailedStep, Peer, PeerStatus } from './peer.js'

/** The group of peers as its users see it (nginx `upstream {}`). Made by `createUpstream`, shared by balancers. */
export interface Upstream {
  readonly name: string
  /** In configured order. A new list after each change of membership. */
  readonly peers: readonly Peer[]
  /** Requests that wait in the `queue` now. */
  readonly waiting: number
  status(peer: Peer): PeerStatus
  /**
   * A new peer, behind the others. It gets requests from now on.
   * @throws {ConfigurationError} as `createUpstream` does; also when there is a peer with this address already.
   */
  add(peer: string | PeerOptions): Peer
  /**
   * Takes a peer out for good. What it has in flight goes on to its end; idle connections to it are closed at once, and
   * the others when their response is complete.
   * @throws {TypeError} when it is no peer of this upstream.
   */
  remove(peer: Peer): void
  /**
   * Changes parameters of a peer; those not given stay. Connections in flight, failures and sessions stay, too.
   * `url` and `tls` cannot be changed here: see {@link Upstream.updateTls}.
   * @throws {ConfigurationError} when a value could not be used; nothing is then changed.
   */
  update(peer: Peer, parameters: PeerChanges): Peer
  /** `update(peer, { drain: true })`: it finishes what it has and keeps its sticky sessions. nginx Plus `drain`. */
  drain(peer: Peer): Peer
  /**
   * Puts another list in place of the peers, at one go. Peers with the same address (scheme, host, port) stay as they
   * are, connections, failures and all, but for the parameters that the new list gives them; the rest come or go. An
   * empty list is refused.
   * @throws {ConfigurationError} when the list could not be used; nothing is then changed.
   */
  replace(peers: readonly (string | PeerOptions)[]): void
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

/** What {@link Upstream.update} takes. */
export type PeerChanges = Omit<Partial<PeerOptions>, 'url' | 'tls'>

/** Why a peer was marked, or came back. */
export type EjectReason =
  'error' | 'timeout' | 'invalid_header' | 'status' | 'rate' | 'retry_after' | 'shared'
export type ReturnReason = 'answered' | 'probe' | 'refund' | 'completed' | 'time' | 'shared'

/**
 * What a source of peer lists has brought. `changed`: another list is in place. `failed`: a list that could not be used,
 * or an error of the source's; the last good list stays. `ended`: no more lists will come; the last one stays.
 */
export type DiscoveryEvent =
  | {
      readonly outcome: 'changed'
      readonly joined: readonly Peer[]
      readonly left: readonly Peer[]
    }
  | { readonly outcome: 'failed'; readonly error: Error }
  | { readonly outcome: 'ended' }

/**
 * What an active check has come to, in the words of {@link EjectReason}; `body`: it did not match; `feedback`: the peer
 * has said so itself.
 */
export type HealthReason =
  'passed' | 'error' | 'timeout' | 'invalid_header' | 'status' | 'body' | 'feedback'

/** `closed`: by us, or in use. `closed_by_peer`: it was idle, which teaches how long this peer keeps idle connections. */
export type ConnectionChange = 'opened' | 'closed' | 'closed_by_peer'

/** Told of every change of a peer's standing. */
export interface UpstreamObserver {
  /** `until`: milliseconds of the upstream's clock. */
  ejected(peer: Peer, reason: EjectReason, step: FailedStep, until: number): void
  returned(peer: Peer, reason: ReturnReason): void
  /** It has become healthy or unhealthy: see `peer.healthy`. `checks` in a row have said so; 0: none has. */
  health?(peer: Peer, reason: HealthReason, checks: number): void
  /** It is one of the peers from now on. */
  joined?(peer: Peer): void
  /** It is none of them any more. */
  left?(peer: Peer): void
  /** `down`, `drain`, its health or a parameter have changed. */
  changed?(peer: Peer): void
  /** Where the peers come from a source. */
  discovered?(event: DiscoveryEvent): void
  /** A connection to it was opened or closed; `idle`: milliseconds that it had been idle then. */
  connection?(peer: Peer, change: ConnectionChange, idle: number | undefined): void
}
