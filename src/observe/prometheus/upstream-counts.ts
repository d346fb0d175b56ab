/** What is counted of one upstream, by whatever balancers use it. Nothing here is made for a request. */
import type { AttemptRecord } from '../../attempt-record.js'
import type { QueueEvent, UpgradeEvent } from '../../events.js'
import type { Exchange } from '../../exchange.js'
import type { Decision } from '../../next-upstream/decide.js'
import type { Peer } from '../../upstream/peer.js'
import type { PeerRegistry } from '../../upstream/registry.js'
import type {
  ConnectionChange,
  EjectReason,
  ReturnReason,
  UpstreamObserver,
} from '../../upstream/upstream.js'
import type { EarlyWarning, Incident } from '../incident.js'
import type { BalancerInternals } from '../internals.js'
import type { RequestObserver } from '../request-observer.js'
import { Histogram } from './histogram.js'
import {
  CODES,
  CONDITIONS,
  MECHANISMS,
  methodClass,
  METHODS,
  placeIn,
  QUEUE_OUTCOMES,
  RESULTS,
  RETRIES,
  STATUS_CLASSES,
  statusClass,
  WHY_NOT,
} from './labels.js'
import { PeerSeries } from './peer-series.js'
import { Tally } from './tally.js'

export interface CountsSettings {
  /** Seconds, ascending. */
  readonly bounds: Float64Array
  readonly maxPeers: number
}

export class UpstreamCounts implements RequestObserver, UpstreamObserver {
  readonly registry: PeerRegistry
  /** Those that use it. */
  readonly balancers: BalancerInternals[] = []
  readonly peers: PeerSeries
  /** By method, status class and result: see {@link requestPlace}. */
  readonly requests = new Tally(METHODS.length * STATUS_CLASSES.length * RESULTS.length)
  readonly errors = new Tally(CODES.length)
  readonly durations: readonly Histogram[]
  /** By condition, as the next. */
  readonly retries = new Tally(CONDITIONS.length * RETRIES.length)
  readonly notRetried = new Tally(CONDITIONS.length * WHY_NOT.length)
  readonly queueOutcomes = new Tally(QUEUE_OUTCOMES.length)
  readonly queueWait: Histogram
  readonly incidents = new Tally(MECHANISMS.length)
  upgrades = 0
  /** Of the latest early warning; 0 to 1. */
  #chance = 0
  /** When nothing is left of it: milliseconds of the upstream's clock. */
  #chanceUntil = 0

  constructor(registry: PeerRegistry, { bounds, maxPeers }: CountsSettings) {
    this.registry = registry
    this.peers = new PeerSeries(registry.peers, maxPeers, bounds)
    this.durations = STATUS_CLASSES.map(() => new Histogram(bounds))
    this.queueWait = new Histogram(bounds)
  }

  // ---- requests

  attemptEnded(_x: Exchange, record: AttemptRecord): void {
    const { peer, condition, decision, why } = record
    if (peer !== undefined) this.peers.of(peer)?.attemptEnded(record)
    if (condition === undefined || decision === undefined) return
    const place = placeIn(CONDITIONS, condition)
    if (isRetry(decision)) this.retries.add(place * RETRIES.length + placeIn(RETRIES, decision))
    else if (why !== undefined) this.notRetried.add(place * WHY_NOT.length + placeIn(WHY_NOT, why))
  }

  finished({ error, method }: Exchange, status: number, duration: number): void {
    const result = error === undefined ? 0 : error.code === 'ERR_CLIENT_CLOSED' ? 2 : 1
    const kind = statusClass(status)
    this.requests.add(requestPlace(methodClass(method), kind, result))
    this.durations[kind]?.observe(duration)
    if (error !== undefined) this.errors.add(placeIn(CODES, error.code))
  }

  queued(_x: Exchange, outcome: QueueEvent['outcome'], waited: number): void {
    this.queueOutcomes.add(placeIn(QUEUE_OUTCOMES, outcome))
    if (outcome !== 'joined' && outcome !== 'full') this.queueWait.observe(waited)
  }

  upgraded(_x: Exchange, state: UpgradeEvent['state']): void {
    if (state === 'open') this.upgrades++
  }

  // ---- peers

  joined(peer: Peer): void {
    this.peers.join(peer)
  }

  left(peer: Peer): void {
    this.peers.leave(peer)
  }

  ejected(peer: Peer, reason: EjectReason): void {
    this.peers.of(peer)?.ejected(reason)
  }

  returned(peer: Peer, reason: ReturnReason): void {
    this.peers.of(peer)?.returned(reason)
  }

  connection(peer: Peer, change: ConnectionChange): void {
    this.peers.of(peer)?.connection(change)
  }

  // ---- bad days

  incident({ mechanism }: Incident, state: 'open' | 'closed'): void {
    // What it was is known for certain when it is over.
    if (state === 'closed') this.incidents.add(placeIn(MECHANISMS, mechanism))
  }

  warned({ chance, horizon }: EarlyWarning): void {
    this.#chance = chance
    this.#chanceUntil = this.registry.clock.now() + horizon
  }

  get chance(): number {
    return this.registry.clock.now() < this.#chanceUntil ? this.#chance : 0
  }
}

function isRetry(decision: Decision['do']): decision is (typeof RETRIES)[number] {
  return decision === 'next' || decision === 'again' || decision === 'wait'
}

/** Where requests of this kind are counted. */
function requestPlace(method: number, status: number, result: number): number {
  return (method * STATUS_CLASSES.length + status) * RESULTS.length + result
}
