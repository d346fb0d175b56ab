/** What the live page tells: counted from the balancer's events, and read from its peers when somebody looks. */
import type { Clock } from '../../clock.js'
import type { FinishEvent } from '../../events.js'
import type { PoolStatus } from '../../transport/connections.js'
import type { Peer } from '../../upstream/peer.js'
import type { PeerRegistry } from '../../upstream/registry.js'
import type {
  EjectReason,
  HealthReason,
  ReturnReason,
  UpstreamObserver,
} from '../../upstream/upstream.js'
import { FailedRequests, hasFailed } from './failed-requests.js'
import { reportIncidents, reportWarning } from './incident-report.js'
import type { IncidentBook } from './incident-report.js'
import { reportPeer } from './peer-report.js'
import type { PeerReport, StatusSnapshot, TotalsReport } from './report.js'
import { clip } from '../shown-text.js'
import { Moment, SlidingTimes, SPANS, Traffic } from './windows.js'
import { bucketOf } from './histogram.js'

/** What does not change as long as the balancer lives. */
export interface StatusFacts {
  readonly title: string
  readonly controls: boolean
  /** When the balancer was made, by its clock. */
  readonly madeAt: number
  /** Milliseconds that the histories go back. */
  readonly history: number
  /** 0: there is no queue. */
  readonly queueSize: number
  readonly configuration: Readonly<Record<string, string>>
}

export interface StatusSurroundings {
  readonly registry: PeerRegistry
  readonly clock: Clock
  /** Milliseconds since 1970. */
  readonly wallTime: () => number
  readonly connections: { status(peer: Peer): PoolStatus }
  readonly recorder: IncidentBook
}

/** What is known of a peer that the peer itself does not know. */
class PeerAccount {
  readonly traffic: Traffic
  reason: string | undefined

  constructor(span: number) {
    this.traffic = new Traffic(span)
  }
}

/** Costs one look at a map and a few additions a request; no timer. */
export class StatusCollector implements UpstreamObserver {
  /** Called when there is something that nobody should have to wait for. */
  onNews: () => void = () => undefined
  readonly #facts: StatusFacts
  readonly #in: StatusSurroundings
  readonly #startedAt: number
  readonly #spanMs: number
  readonly #accounts = new Map<string, PeerAccount>()
  readonly #totals: Traffic
  readonly #waits = new SlidingTimes()
  readonly #failed = new FailedRequests()
  readonly #moment = new Moment()
  #requests = 0
  #turnedAway = 0

  constructor(facts: StatusFacts, surroundings: StatusSurroundings) {
    this.#facts = facts
    this.#in = surroundings
    this.#startedAt = surroundings.clock.now()
    this.#spanMs = facts.history / SPANS
    this.#totals = new Traffic(0)
    for (const peer of surroundings.registry.peers) this.#accountOf(peer)
  }

  // ---- what happens

  readonly finished = (event: FinishEvent): void => {
    const now = this.#now()
    const { attempts, error } = event
    const failed = hasFailed(event)
    let sent = 0
    for (const attempt of attempts) {
      const account = this.#accounts.get(attempt.peer)
      if (account === undefined) continue
      sent++
      const isFault =
        (attempt.phase !== undefined && !attempt.stale && !attempt.cancelled) ||
        attempt.status >= 500
      account.traffic.add(
        now,
        attempt.phase === undefined ? attempt.headerTime : -1,
        isFault ? 'failed' : 'ok',
        attempt.reusedConnection ? 1 : 0,
      )
    }
    this.#requests++
    this.#totals.add(now, event.duration, failed ? 'failed' : 'ok', Math.max(0, sent - 1))
    if (event.waited > 0) this.#waits.add(now.slot, bucketOf(event.waited))
    if (error?.code === 'ERR_QUEUE_FULL' || error?.code === 'ERR_QUEUE_TIMEOUT') this.#turnedAway++
    if (failed) this.#failed.add(event, this.#in.wallTime())
  }

  ejected(peer: Peer, reason: EjectReason): void {
    this.#accountOf(peer).reason = reason
    this.onNews()
  }

  returned(_peer: Peer, _reason: ReturnReason): void {
    this.onNews()
  }

  health(peer: Peer, reason: HealthReason): void {
    if (!peer.healthy) this.#accountOf(peer).reason = reason
    this.onNews()
  }

  joined(peer: Peer): void {
    this.#accountOf(peer)
    this.onNews()
  }

  left(peer: Peer): void {
    this.#accounts.delete(peer.name)
    this.onNews()
  }

  changed(): void {
    this.onNews()
  }

  // ---- what is told

  snapshot(): StatusSnapshot {
    const { registry, clock, wallTime, recorder } = this.#in
    const { title, controls, configuration, madeAt } = this.#facts
    const at = wallTime()
    const now = clock.now()
    return {
      title,
      upstream: clip(registry.name, 200),
      selector: clip(registry.selector.name, 200),
      at,
      uptime: Math.round(now - madeAt),
      counting: Math.round(now - this.#startedAt),
      span: this.#spanMs,
      controls,
      totals: this.#reportTotals(),
      peers: registry.peers.map((peer) => this.#reportPeer(peer)),
      incidents: reportIncidents(recorder, at),
      warning: reportWarning(recorder, at),
      failures: this.#failed.last,
      configuration,
    }
  }

  #reportPeer(peer: PeerRegistry['peers'][number]): PeerReport {
    const { traffic, reason } = this.#accountOf(peer)
    const { registry, connections } = this.#in
    const now = registry.clock.now()
    return reportPeer(peer, {
      state: registry.status(peer),
      now,
      moment: this.#now(),
      traffic,
      reason,
      pool: connections.status(peer),
    })
  }

  #reportTotals(): TotalsReport {
    const now = this.#now()
    const { registry } = this.#in
    const { requests, failures, others, times, history } = this.#totals
    const all = requests.total(now.slot)
    return {
      requestsPerSecond: requests.perSecond(now),
      errorShare: all === 0 ? 0 : Number((failures.total(now.slot) / all).toPrecision(3)),
      retriesPerSecond: others.perSecond(now),
      inFlight: registry.peers.reduce((sum, { connections }) => sum + connections, 0),
      latency: times.percentiles(now.slot),
      requests: this.#requests,
      errors: this.#failed.count,
      queue: {
        waiting: registry.queue.length,
        size: this.#facts.queueSize,
        waits: this.#waits.percentiles(now.slot),
        turnedAway: this.#turnedAway,
      },
      history: history.report(now.span),
    }
  }

  #now(): Moment {
    return this.#moment.set(this.#in.clock.now() - this.#startedAt, this.#spanMs)
  }

  #accountOf({ name }: Peer): PeerAccount {
    let account = this.#accounts.get(name)
    if (account === undefined) {
      account = new PeerAccount(this.#now().span)
      this.#accounts.set(name, account)
    }
    return account
  }
}
