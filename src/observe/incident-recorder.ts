/**
 * Groups requests that fail one after another into incidents, and warns before all peers go out together. It is told of
 * failures only, and keeps no timer: an incident is seen to be over by a request that succeeds when all has been quiet.
 */
import type { Clock } from '../clock.js'
import { logIncident } from '../debug.js'
import type { ErrorCode } from '../errors.js'
import type { BalancerEmitter } from '../events.js'
import type { Peer, PeerStatus } from '../upstream/peer.js'
import type { HealthReason, ReturnReason, UpstreamObserver } from '../upstream/upstream.js'
import { ms } from './attempt-text.js'
import { chanceOfAllOut } from './early-warning.js'
import type { ExplainedSettings, PeerStanding } from './explanation.js'
import type { EarlyWarning, Incident, PeerChange } from './incident.js'
import { OpenIncident } from './open-incident.js'
import type { IncidentFailure } from './open-incident.js'
import { PeerJournal } from './peer-journal.js'
import type { MarkingAttempt } from './peer-journal.js'

/** Failures that are further apart do not belong together. Milliseconds. */
const GAP = 10_000
/** So many failed requests in a row of gaps are an incident. */
const LEAST = 3
/** Changes of peers that are kept for the timeline of an incident to come. */
const RECENT_CHANGES = 50
/** Changes as long before the first failure belong to its story. Milliseconds. */
const LOOK_BACK = 60_000
/** Incidents that are kept. */
const KEPT = 20
/** Marks are counted over that long, and the chance reckoned for as long as the next says. Milliseconds. */
const WINDOW = 600_000
const HORIZON = 3_600_000
/** From this chance on there is a warning, and another one whenever it has doubled. */
const WARN_FROM = 0.1
/** Peers whose standing is written down. */
const LISTED_PEERS = 16

/** Failures of the upstream's, or for want of it; not the client's, and not ours. */
const COUNTED: ReadonlySet<ErrorCode> = new Set<ErrorCode>([
  'ERR_NO_LIVE_UPSTREAMS',
  'ERR_PEERS_BUSY',
  'ERR_QUEUE_FULL',
  'ERR_QUEUE_TIMEOUT',
  'ERR_OVERLOADED',
  'ERR_UPSTREAM_CONNECTION',
  'ERR_UPSTREAM_TIMEOUT',
  'ERR_UPSTREAM_INVALID_HEADER',
  'ERR_UPSTREAM_TRUNCATED',
])

/** The peers, as far as they are looked at. */
export interface RecordedPeers {
  readonly name: string
  readonly peers: readonly Peer[]
  statusOf(peer: Peer): PeerStatus
}

/** Where incidents and warnings are written to. */
export interface IncidentLog {
  note(level: 'error' | 'warn', text: string, detail: object): void
}

export class IncidentRecorder implements UpstreamObserver {
  readonly #peers: RecordedPeers
  readonly #emitter: BalancerEmitter
  readonly #clock: Clock
  readonly #wallTime: () => number
  readonly #settings: ExplainedSettings
  readonly #log: IncidentLog | undefined
  readonly #journal = new PeerJournal()
  readonly #changes: PeerChange[] = []
  /** Fewer failures than make an incident, so far. */
  #pending: IncidentFailure[] = []
  #open: OpenIncident | undefined
  #lastFailure = Number.NEGATIVE_INFINITY
  #count = 0
  readonly #past: Incident[] = []
  /** The chance is to be reckoned anew: when it is known whether the mark was the request's fault. */
  #marksAreNew = false
  #warned = 0
  #warning: EarlyWarning | undefined

  constructor(
    peers: RecordedPeers,
    emitter: BalancerEmitter,
    clock: Clock,
    wallTime: () => number,
    settings: ExplainedSettings,
    log?: IncidentLog,
  ) {
    this.#log = log
    this.#peers = peers
    this.#emitter = emitter
    this.#clock = clock
    this.#wallTime = wallTime
    this.#settings = settings
  }

  get settings(): ExplainedSettings {
    return this.#settings
  }

  /** Those that are over, the latest last; and the one that goes on. */
  get incidents(): readonly Incident[] {
    return this.#open === undefined ? this.#past : [...this.#past, this.#open.snapshot()]
  }

  /** The last of {@link incidents} goes on. */
  get goesOn(): boolean {
    return this.#open !== undefined
  }

  /** As {@link goesOn}, where no request may have come yet that would have shown that it is over. */
  get ongoing(): boolean {
    return this.#open !== undefined && this.#clock.now() - this.#lastFailure <= GAP
  }

  /** The last one that was given. */
  get warning(): EarlyWarning | undefined {
    return this.#warning
  }

  // ---- of requests

  /** An attempt has marked a peer. */
  marked(peer: Peer, marking: Omit<MarkingAttempt, 'at'>): void {
    const mark = this.#journal.markOf(peer)
    if (mark === undefined) return
    mark.marking = { ...marking, at: this.#wallTime() }
    this.#open?.marked(mark.marking)
  }

  /** A request has ended with an answer of our own, or was broken off. */
  failed(failure: Omit<IncidentFailure, 'at'>): void {
    if (!COUNTED.has(failure.code)) return
    const now = this.#clock.now()
    if (now - this.#lastFailure > GAP) {
      this.close()
      this.#pending = []
    }
    this.#lastFailure = now
    const dated = { ...failure, at: this.#wallTime() }
    if (this.#open !== undefined) {
      this.#open.failed(dated)
      return
    }
    this.#pending.push(dated)
    if (this.#pending.length >= LEAST) this.#begin()
  }

  /** A request is over; `error`: it has failed. */
  finished(error: unknown): void {
    if (this.#marksAreNew) this.#reckon(this.#clock.now())
    if (this.#open === undefined || error !== undefined) return
    if (this.#clock.now() - this.#lastFailure > GAP) this.close()
  }

  /** What goes on is over. */
  close(): void {
    const incident = this.#open?.snapshot()
    if (incident === undefined) return
    this.#open = undefined
    this.#past.push(incident)
    if (this.#past.length > KEPT) this.#past.shift()
    const { prevention } = incident
    const advice = prevention === undefined ? '' : ` > ${prevention.option}: ${prevention.advice}`
    const text = `${incident.summary}${advice}`
    if (logIncident.enabled) logIncident('%s', text)
    this.#log?.note('error', text, { incident })
    this.#tell(incident, 'closed')
  }

  #begin(): void {
    const [first] = this.#pending
    if (first === undefined) return
    const { name, peers } = this.#peers
    const incident = new OpenIncident(++this.#count, name, first.at, this.#settings)
    for (const change of this.#changes)
      if (first.at - change.at < LOOK_BACK) incident.changed(change)
    for (const peer of peers) {
      const marking = this.#journal.markOf(peer)?.marking
      if (marking !== undefined) incident.marked(marking)
    }
    for (const failure of this.#pending) incident.failed(failure)
    this.#pending = []
    this.#open = incident
    this.#tell(incident.snapshot(), 'open')
  }

  #tell(incident: Incident, state: 'open' | 'closed'): void {
    const emitter = this.#emitter
    if (emitter.has('incident'))
      emitter.emit('incident', { upstream: emitter.upstream, incident, state })
  }

  // ---- of peers

  /** How they stand now; of many the first. */
  standings(): { readonly listed: readonly PeerStanding[]; readonly more: number } {
    const now = this.#clock.now()
    const listed: PeerStanding[] = []
    const { peers } = this.#peers
    for (const peer of peers) {
      if (listed.length === LISTED_PEERS) break
      listed.push(this.#standingOf(peer, now))
    }
    return { listed, more: peers.length - listed.length }
  }

  #standingOf(peer: Peer, now: number): PeerStanding {
    const status = this.#peers.statusOf(peer)
    const mark = status === 'ejected' ? this.#journal.markOf(peer) : undefined
    return {
      peer: peer.name,
      status,
      reason: mark?.reason,
      since: mark === undefined ? undefined : now - mark.at,
      until: mark === undefined ? undefined : mark.until - now,
    }
  }

  ejected(peer: Peer, reason: string, _step: unknown, until: number): void {
    const now = this.#clock.now()
    this.#journal.ejected(peer, reason, now, until)
    this.#changed(peer, 'ejected', reason)
    // A rest that a peer has asked for is no failure.
    if (reason !== 'retry_after') this.#marksAreNew = true
  }

  returned(peer: Peer, reason: ReturnReason): void {
    if (reason === 'refund') this.#journal.refunded(peer)
    else this.#journal.returned(peer, this.#clock.now())
    this.#changed(peer, 'returned', reason)
  }

  health(peer: Peer, reason: HealthReason): void {
    this.#changed(peer, peer.healthy ? 'healthy' : 'unhealthy', reason)
  }

  left(peer: Peer): void {
    this.#journal.left(peer)
  }

  #changed(peer: Peer, change: PeerChange['change'], reason: string): void {
    const entry: PeerChange = { at: this.#wallTime(), peer: peer.name, change, reason }
    this.#changes.push(entry)
    if (this.#changes.length > RECENT_CHANGES) this.#changes.shift()
    this.#open?.changed(entry)
  }

  // ---- what may come

  #reckon(now: number): void {
    this.#marksAreNew = false
    const peers = this.#peers.peers.filter(({ down, draining }) => !down && !draining)
    const histories = peers.map((peer) => this.#journal.historyOf(peer, now, WINDOW))
    const chance = chanceOfAllOut(histories, WINDOW, HORIZON)
    if (chance < WARN_FROM) {
      this.#warned = 0
      return
    }
    // Of one peer it would say what `eject` has said; and each step is told of once.
    if (peers.length < 2 || chance < this.#warned * 2) return
    this.#warned = chance
    const marks = Object.fromEntries(peers.map((peer, i) => [peer.name, histories[i]?.marks ?? 0]))
    this.#warn({
      at: this.#wallTime(),
      chance,
      horizon: HORIZON,
      marks,
      window: WINDOW,
      summary: warningText(this.#peers.name, chance, marks, this.#settings),
    })
  }

  #warn(warning: EarlyWarning): void {
    this.#warning = warning
    if (logIncident.enabled) logIncident('%s', warning.summary)
    this.#log?.note('warn', warning.summary, { warning })
    const emitter = this.#emitter
    if (emitter.has('warning')) emitter.emit('warning', { upstream: emitter.upstream, warning })
  }
}

function warningText(
  upstream: string,
  chance: number,
  marks: Readonly<Record<string, number>>,
  { whenNoneLive }: ExplainedSettings,
): string {
  const listed = Object.entries(marks)
    .slice(0, LISTED_PEERS)
    .map(([peer, count]) => `${peer} ${String(count)}`)
    .join(', ')
  const then =
    whenNoneLive === 'fail'
      ? 'every request would then be answered 502'
      : 'requests would then go to peers that have just failed, or wait'
  return (
    `upstream "${upstream}": at this rate of marks (${listed} in ${ms(WINDOW)}) all peers are out together at least ` +
    `once in the next hour with a chance of ${String(Math.round(chance * 100))} %: ${then}`
  )
}
