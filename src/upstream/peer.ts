/** A peer: one server of an upstream, with the state that all its users share. */

/** Where a peer listens. */
export interface PeerAddress {
  readonly protocol: 'http:' | 'https:'
  /** Host name or address without brackets; empty for a unix socket. */
  readonly hostname: string
  /** TCP port; 0 for a unix socket. */
  readonly port: number
  /** Path of a unix domain socket, else undefined. */
  readonly socketPath: string | undefined
  /** `host:port`, `[v6]:port` or `unix:/path`: the form of nginx's `$upstream_addr`. */
  readonly name: string
}

/** Why a peer gets no new requests, or `up`. */
export type PeerStatus = 'up' | 'ejected' | 'down' | 'draining' | 'full'

/** What must be seen to work again before a marked peer is believed: the step that failed. */
export type FailedStep = 'connect' | 'answer'

/** The separate books in which a peer's failures are kept. */
export type Ledger = 'transport' | 'status' | 'stale'

/** What a selector, an event listener or a status page may read of a peer. */
export interface Peer extends PeerAddress {
  /** Position in the configured list, from 0; stable for the life of the peer. */
  readonly index: number
  /** Configured weight, a positive integer (nginx `weight`, default 1). */
  readonly weight: number
  /** Weight after failures: lowered by each, raised by one at each pick until it is `weight` again. */
  effectiveWeight: number
  /** Running value of smooth weighted round robin; belongs to the selectors. */
  currentWeight: number
  /** Attempts in flight now, from all balancers that share the upstream. */
  readonly connections: number
  /** Limit of attempts in flight; 0 is none (nginx `max_conns`). */
  readonly maxConns: number
  /** Failures that mark the peer; 0 is never (nginx `max_fails`). */
  readonly maxFails: number
  /** Milliseconds in which failures are counted and for which the peer is then marked (nginx `fail_timeout`). */
  readonly failTimeout: number
  /** Only used when no primary peer can be (nginx `backup`). */
  readonly backup: boolean
  /** Taken out by the administrator (nginx `down`). */
  readonly down: boolean
  /** Finishes what it has and gets nothing new (nginx Plus `drain`). */
  readonly draining: boolean
  /** Failures counted now against `maxFails`. */
  readonly fails: number
  /** Counts since start by ledger; a stale connection is counted here and nowhere else. */
  readonly ledgers: Readonly<Record<Ledger, number>>
}

/** The mutable side of a peer; only `src/upstream` writes to it. */
export class PeerState implements Peer {
  readonly index: number
  readonly protocol: 'http:' | 'https:'
  readonly hostname: string
  readonly port: number
  readonly socketPath: string | undefined
  readonly name: string
  readonly weight: number
  readonly maxConns: number
  readonly maxFails: number
  readonly failTimeout: number
  readonly backup: boolean

  effectiveWeight: number
  currentWeight = 0
  connections = 0
  down: boolean
  draining = false
  fails = 0
  /** Failures of the status ledger; counted apart so that one cannot tip the other over. */
  statusFails = 0
  /** Attempts failed one after another by whatever request, since the last answer. */
  failuresSinceAnswer = 0
  /** When the last failure was counted (nginx `accessed`); -Infinity before the first. */
  failedAt = Number.NEGATIVE_INFINITY
  /** nginx `checked`: the last failure, or the selection that re-armed the window. */
  checkedAt = Number.NEGATIVE_INFINITY
  /** Marked until then at the latest; 0 when not marked. */
  ejectedUntil = 0
  /** What the last transport failure failed at. */
  failedStep: FailedStep = 'answer'
  readonly ledgers: Record<Ledger, number> = { transport: 0, status: 0, stale: 0 }

  constructor(address: PeerAddress, parameters: PeerParameters, index: number) {
    this.index = index
    this.protocol = address.protocol
    this.hostname = address.hostname
    this.port = address.port
    this.socketPath = address.socketPath
    this.name = address.name
    this.weight = parameters.weight
    this.effectiveWeight = parameters.weight
    this.maxConns = parameters.maxConns
    this.maxFails = parameters.maxFails
    this.failTimeout = parameters.failTimeout
    this.backup = parameters.backup
    this.down = parameters.down
  }

  get full(): boolean {
    return this.maxConns > 0 && this.connections >= this.maxConns
  }
}

/** The parameters of nginx's `server` directive, resolved. */
export interface PeerParameters {
  readonly weight: number
  readonly maxConns: number
  readonly maxFails: number
  /** Milliseconds. */
  readonly failTimeout: number
  readonly backup: boolean
  readonly down: boolean
}
