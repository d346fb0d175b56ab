/** A peer: one server of an upstream, with the state that all its users share. */
import { NOTHING_SAID } from './feedback.js'
import type { PeerFeedback } from './feedback.js'
import type { OutlierAccount } from './outlier-account.js'

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
export type PeerStatus = 'up' | 'ejected' | 'unhealthy' | 'down' | 'draining' | 'full'

/** What must be seen to work again before a marked peer is believed: the step that failed. */
export type FailedStep = 'connect' | 'answer'

/** The separate books in which a peer's failures are kept. */
export type Ledger = 'transport' | 'status' | 'stale'

/** What a selector, an event listener or a status page may read of a peer. */
export interface Peer extends PeerAddress {
  /** Position in the upstream's list, from 0. Another one when peers before it have come or gone. */
  readonly index: number
  /** Configured weight, a positive integer (nginx `weight`, default 1). */
  readonly weight: number
  /**
   * `weight`, or less of it while the peer is eased in after a return (`slowStart`), or when it has asked for less
   * (`feedback`): then it may be a fraction.
   */
  readonly easedWeight: number
  /** Weight after failures: lowered by each, raised by one at each pick until it is `easedWeight` again. */
  effectiveWeight: number
  /** Running value of smooth weighted round robin; belongs to the selectors. */
  currentWeight: number
  /** Milliseconds that a selector reckons with, more than the least that it knows; belongs to the selectors. */
  reckonedMs: number
  /** Attempts in flight now, from all balancers that share the upstream, and from all processes that share its `zone`. */
  readonly connections: number
  /** Limit of attempts in flight; 0 is none (nginx `max_conns`). */
  readonly maxConns: number
  /** Failures that mark the peer; 0 is never (nginx `max_fails`). */
  readonly maxFails: number
  /** Milliseconds in which failures are counted and for which the peer is then marked (nginx `fail_timeout`). */
  readonly failTimeout: number
  /** Milliseconds over which it is eased in when it has come back; 0 is at once (nginx Plus `slow_start`). */
  readonly slowStart: number
  /** Only used when no primary peer can be (nginx `backup`). */
  readonly backup: boolean
  /** Peers of a higher tier are used when none of a lower one can be: 0 for primaries, 1 for backups. */
  readonly tier: number
  /** Where it stands: a zone of the cloud, a rack. Undefined: anywhere. */
  readonly locality: string | undefined
  /** What it is, for subsets. */
  readonly labels: Readonly<Record<string, string>>
  /** Taken out by the administrator (nginx `down`). */
  readonly down: boolean
  /** Finishes what it has and gets nothing new (nginx Plus `drain`): by the administrator's word or by its own. */
  readonly draining: boolean
  /** Passes the active health checks, and has not said that it is down; true where there are none. */
  readonly healthy: boolean
  /** Failures counted now against `maxFails`. */
  readonly fails: number
  /** Counts since start by ledger; a stale connection is counted here and nowhere else. */
  readonly ledgers: Readonly<Record<Ledger, number>>
}

/** Who keeps the books of a peer: told of each change that may put it in or out of service. */
export interface PeerOwner {
  standingChanged(peer: PeerState): void
}

/** A list of peers that a peer stands in, with those that may get requests now. */
export interface PeerListing {
  admit(peer: PeerState): void
  dismiss(peer: PeerState): void
  /** One attempt more at one of its peers, or one less. */
  counted?(peer: PeerState, change: number): void
}

const NO_LABELS: Readonly<Record<string, string>> = Object.freeze({})

/** The mutable side of a peer; only `src/upstream` writes to it. */
export class PeerState implements Peer {
  readonly owner: PeerOwner | undefined
  index: number
  readonly protocol: 'http:' | 'https:'
  readonly hostname: string
  readonly port: number
  readonly socketPath: string | undefined
  readonly name: string
  weight = 1
  maxConns = 0
  maxFails = 1
  failTimeout = 0
  slowStart = 0
  tier = 0
  locality: string | undefined
  labels = NO_LABELS

  easedWeight = 1
  effectiveWeight: number
  currentWeight = 0
  connections = 0
  /** Those of {@link connections} that other processes have in flight (`zone`). */
  elsewhere = 0
  /** Whoever shares it has noted that something about it is new. */
  touched = false
  reckonedMs = 0
  #down = false
  #draining = false
  #healthy = true
  #feedback = NOTHING_SAID
  /** It is no longer one of the upstream's peers; what it has in flight goes on. */
  removed = false
  /** Neither marked nor unhealthy. */
  fit = true
  /** May get a request now: kept up to date by the registry, so that nobody has to look at all peers. */
  live = false
  /** Where that has to be written down. */
  listings: readonly PeerListing[] = []
  /** When its easing in began; -Infinity: it is not eased in. */
  easedSince = Number.NEGATIVE_INFINITY
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
  /** It has asked for no requests until then (`Retry-After`); -Infinity: it has not. */
  restsUntil = Number.NEGATIVE_INFINITY
  /** Undefined until outlier detection has seen an attempt at it. */
  outliers: OutlierAccount | undefined
  /** What the last transport failure failed at. */
  failedStep: FailedStep = 'answer'
  readonly ledgers: Record<Ledger, number> = { transport: 0, status: 0, stale: 0 }

  constructor(address: PeerAddress, parameters: PeerParameters, index: number, owner?: PeerOwner) {
    this.owner = owner
    this.index = index
    this.protocol = address.protocol
    this.hostname = address.hostname
    this.port = address.port
    this.socketPath = address.socketPath
    this.name = address.name
    this.effectiveWeight = parameters.weight
    this.configure(parameters)
  }

  /** Takes over parameters; what it has in flight and what is held against it stay. */
  configure(parameters: PeerParameters): void {
    // It has lost as much of the new weight as it had of the old; the same weight leaves all as it was.
    if (parameters.weight !== this.weight) this.#weigh(parameters.weight)
    this.maxConns = parameters.maxConns
    this.maxFails = parameters.maxFails
    this.failTimeout = parameters.failTimeout
    this.slowStart = parameters.slowStart ?? 0
    this.tier = tierOf(parameters)
    this.locality = parameters.locality
    this.labels = parameters.labels ?? NO_LABELS
    this.#down = parameters.down
    this.#draining = parameters.drain ?? false
  }

  /** Would {@link configure} change anything? */
  differsFrom(parameters: PeerParameters): boolean {
    const labels = parameters.labels ?? NO_LABELS
    return (
      this.weight !== parameters.weight ||
      this.maxConns !== parameters.maxConns ||
      this.maxFails !== parameters.maxFails ||
      this.failTimeout !== parameters.failTimeout ||
      this.slowStart !== (parameters.slowStart ?? 0) ||
      this.tier !== tierOf(parameters) ||
      this.locality !== parameters.locality ||
      this.#down !== parameters.down ||
      this.#draining !== (parameters.drain ?? false) ||
      Object.keys(labels).length !== Object.keys(this.labels).length ||
      Object.entries(labels).some(([name, value]) => this.labels[name] !== value)
    )
  }

  #weigh(weight: number): void {
    const lost = Math.ceil(this.fullWeight - this.effectiveWeight)
    const part =
      this.easedSince === Number.NEGATIVE_INFINITY ? 1 : this.easedWeight / this.fullWeight
    this.weight = weight
    this.easedWeight = this.fullWeight * part
    this.effectiveWeight = Math.min(
      this.easedWeight,
      Math.max(0, this.fullWeight - Math.max(0, lost)),
    )
  }

  get backup(): boolean {
    return this.tier > 0
  }

  get down(): boolean {
    return this.#down
  }

  set down(down: boolean) {
    this.#down = down
    this.owner?.standingChanged(this)
  }

  get draining(): boolean {
    return this.#draining || this.#feedback.drain || this.#feedback.share === 0
  }

  set draining(draining: boolean) {
    this.#draining = draining
    this.owner?.standingChanged(this)
  }

  /** By the administrator's word: the peer's own does not count. */
  get toldToDrain(): boolean {
    return this.#draining
  }

  get healthy(): boolean {
    return this.#healthy && !this.#feedback.down
  }

  set healthy(healthy: boolean) {
    this.#healthy = healthy
    this.owner?.standingChanged(this)
  }

  /** What it says of its own load. */
  get feedback(): PeerFeedback {
    return this.#feedback
  }

  set feedback(feedback: PeerFeedback) {
    this.#feedback = feedback
    // Of one that is eased in the next step sees to it.
    const isEased = this.easedSince !== Number.NEGATIVE_INFINITY
    this.easedWeight = isEased ? Math.min(this.easedWeight, this.fullWeight) : this.fullWeight
    this.effectiveWeight = Math.min(this.effectiveWeight, this.easedWeight)
    this.owner?.standingChanged(this)
  }

  /** The weight that it bears when it is not eased in. A peer that wants nothing at all is drained, not weightless. */
  get fullWeight(): number {
    const { share } = this.#feedback
    return share === 0 ? this.weight : this.weight * share
  }

  /** Attempts in flight at most, 0 is none: what it says may lower the configured limit. */
  get limit(): number {
    const said = this.#feedback.maxConns
    if (said === 0 || this.maxConns === 0) return said || this.maxConns
    return Math.min(said, this.maxConns)
  }

  get full(): boolean {
    const { limit } = this
    return limit > 0 && this.connections >= limit
  }

  /** Nothing is held against it: a pick changes nothing of its standing. */
  get spotless(): boolean {
    return this.fails === 0 && this.statusFails === 0 && this.ejectedUntil === 0
  }

  /** What an administrator has a say in: facts, not suspicions. */
  get inService(): boolean {
    return !this.#down && !this.draining && !this.removed
  }
}

/** The parameters of nginx's `server` directive, resolved, and more of their kind. */
export interface PeerParameters {
  readonly weight: number
  readonly maxConns: number
  readonly maxFails: number
  /** Milliseconds. */
  readonly failTimeout: number
  readonly backup: boolean
  readonly down: boolean
  readonly drain?: boolean
  /** Milliseconds. */
  readonly slowStart?: number
  /** Undefined: 0, or 1 for a backup. */
  readonly tier?: number | undefined
  readonly locality?: string | undefined
  readonly labels?: Readonly<Record<string, string>> | undefined
}

/** As they are now. */
export function parametersOf(peer: PeerState): PeerParameters {
  return {
    weight: peer.weight,
    maxConns: peer.maxConns,
    maxFails: peer.maxFails,
    failTimeout: peer.failTimeout,
    slowStart: peer.slowStart,
    backup: peer.backup,
    tier: peer.tier,
    down: peer.down,
    drain: peer.toldToDrain,
    locality: peer.locality,
    labels: peer.labels,
  }
}

function tierOf({ tier, backup }: PeerParameters): number {
  return tier ?? (backup ? 1 : 0)
}
