/** Takes the lines of the logs in the order of time, and says what was wrong. No input or output. */
import type { AccessReader } from './access-reader.js'
import { accessEvents, isOrdinary } from './access-events.js'
import { bunchOf, judge, lostOf } from './bunch.js'
import { caseOf } from './case-file.js'
import type { LogsKnow } from './case-file.js'
import type { ConfFacts } from './conf-facts.js'
import { ErrorEvents } from './error-events.js'
import type { ErrorLine } from './error-line.js'
import type { LogEvent, SignEvent } from './events.js'
import { evidenceOf } from './evidence.js'
import { Findings } from './findings.js'
import { Group, Groups, LostTally } from './groups.js'
import { InOrder } from './in-order.js'
import { PeerNames } from './peer-names.js'
import { Rescues } from './rescues.js'
import type { Bunch, DoctorReport } from './report.js'
import { ServedSeconds } from './seconds.js'
import { Witnesses } from './witnesses.js'

export interface DoctorOptions {
  readonly conf: ConfFacts | undefined
  readonly knows: LogsKnow
  /**
   * Milliseconds between two lost requests of one bunch. Default: half of the longest `fail_timeout`, at least 2 s. Within
   * a blackout there are only the pauses of the traffic; for another one, marks have to end and be made again.
   */
  readonly gap?: number | undefined
  /** Lost requests that make a bunch. Default 5; two are enough if one was refused without asking anybody. */
  readonly minimum?: number | undefined
}

/** What the doctor itself adds to a report; files, lint and live checks are the caller's. */
export type LogReport = Pick<
  DoctorReport,
  'requests' | 'lost' | 'rescued' | 'bunches' | 'moreBunches' | 'alone' | 'findings'
>

/** Bunches that are reported one by one. */
const MOST_BUNCHES = 200
/** Milliseconds that a line may come late. */
const SLACK = 5000

export class Doctor {
  readonly #options: DoctorOptions
  readonly #names: PeerNames
  readonly #errors: ErrorEvents
  readonly #order: InOrder
  readonly #groups: Groups
  readonly #seconds = new ServedSeconds()
  readonly #findings = new Findings()
  readonly #rescues: Rescues
  readonly #witnesses: Witnesses
  readonly #bunches: Bunch[] = []
  readonly #lost: LostTally[] = []
  readonly #alone: LostTally[] = []
  readonly #covered = { from: Infinity, to: -Infinity }
  readonly #lookBack: number
  #moreBunches = 0
  #requests = 0

  constructor(options: DoctorOptions) {
    this.#options = options
    this.#names = new PeerNames(options.conf)
    this.#errors = new ErrorEvents(this.#names)
    const failTimeout = longestFailTimeout(options.conf)
    const gap = options.gap ?? Math.max(2000, failTimeout / 2)
    // Marks last whole seconds, and the error log has no more than those.
    this.#lookBack = failTimeout + 2000
    this.#groups = new Groups({ gap, lookBack: this.#lookBack }, (group) => this.#closed(group))
    const heldBack = Math.max(0, ...(options.conf?.accessLogs.map((log) => log.heldBack) ?? []))
    this.#order = new InOrder(SLACK + heldBack, (event) => this.#take(this.#resolved(event)))
    this.#witnesses = new Witnesses(SLACK + heldBack)
    this.#rescues = new Rescues((events) => this.#rescuedCase(events))
  }

  /** A line of an access log that has been read. */
  access(reader: AccessReader, file: string, number: number, text: string): void {
    this.#requests++
    const { time } = reader
    if (time < this.#covered.from) this.#covered.from = time
    if (time > this.#covered.to) this.#covered.to = time
    this.#order.reached(time)
    if (isOrdinary(reader)) {
      this.#seconds.served(time, reader.upstreamAddr, reader.path)
      return
    }
    const events = accessEvents(reader, this.#names, evidenceOf(file, number, text))
    const lost = events.some(({ what }) => what === 'lost')
    // Those lost are counted when it is known that they are.
    if (!lost) this.#seconds.served(time, reader.upstreamAddr.split(', ').at(-1) ?? '', reader.path)
    if (!lost && events.length > 0 && reader.status < 500) this.#rescues.add()
    for (const event of events) this.#order.add(event)
  }

  /** A line of an error log; `time` in milliseconds since 1970. */
  error(line: ErrorLine, time: number, file: string, number: number, text: string): void {
    this.#order.reached(time)
    this.#witnesses.add(line, time)
    if (line.kind === 'other') return
    const event = this.#errors.eventOf(line, time, evidenceOf(file, number, text))
    if (event === undefined) return
    if (!this.#options.knows.accessLog && event.what === 'failure' && this.#errors.isFirst(line)) {
      const { upstream, evidence } = event
      this.#order.add({
        what: 'lost',
        time,
        source: 'error',
        role: 'undetermined',
        status: 502,
        upstream,
        logged: '',
        evidence,
      })
    }
    if (this.#options.knows.accessLog || event.what !== 'lost' || event.role !== 'trigger')
      this.#order.add(event)
  }

  finish(): LogReport {
    this.#order.end()
    this.#groups.end()
    this.#rescues.end()
    return {
      requests: this.#requests,
      lost: lostOf(this.#lost),
      rescued: this.#rescues.requests,
      bunches: this.#bunches,
      moreBunches: this.#moreBunches,
      alone: lostOf(this.#alone),
      findings: this.#findings.all(),
    }
  }

  /** With what the error log says of an answer that may be the application's own; undefined if it is. */
  #resolved(event: LogEvent): LogEvent | undefined {
    if (event.what === 'sign' || event.doubt === undefined || !this.#options.knows.errorLog)
      return event
    const { doubt, time } = event
    const witness = this.#witnesses.find(time, doubt)
    if (witness !== undefined)
      return witness === '' || event.upstream !== ''
        ? event
        : { ...event, upstream: this.#names.keyOf(witness) }
    if (event.what === 'lost') this.#seconds.served(time, doubt.peer, doubt.path)
    return undefined
  }

  #take(event: LogEvent | undefined): void {
    if (event === undefined) return
    if (event.what === 'lost' && event.source === 'access') this.#seconds.lost(event.time)
    if (event.what === 'failure' || isShortage(event)) this.#rescues.trouble(event)
    this.#groups.take(event)
    const keep = Math.min(this.#groups.earliest ?? Infinity, event.time) - this.#lookBack - 2000
    this.#seconds.prune(keep)
  }

  #closed(group: Group): void {
    const file = caseOf(group, {
      conf: this.#options.conf,
      names: this.#names,
      knows: this.#options.knows,
      served: this.#seconds,
      covered: this.#covered,
    })
    if (file.lost.total === 0) return
    const judged = judge(file)
    this.#lost.push(file.lost)
    this.#rescues.explained(group.failures)
    this.#rescues.explained(group.signs)
    const isBunch =
      file.lost.total >= (this.#options.minimum ?? 5) ||
      (file.lost.total >= 2 && file.lost.bystanders > 0)
    this.#findings.add(judged, isBunch)
    if (!isBunch) this.#alone.push(file.lost)
    else if (this.#bunches.length >= MOST_BUNCHES) this.#moreBunches++
    else
      this.#bunches.push(
        bunchOf(judged, this.#seconds.between(group.start - 2000, group.end + 2000)),
      )
    if (this.#lost.length > 1000) merge(this.#lost)
    if (this.#alone.length > 1000) merge(this.#alone)
  }

  /** Failed attempts that led to no lost request: what would have happened to them with one server less. */
  #rescuedCase(failures: readonly LogEvent[]): void {
    const group = new Group(failures[0]?.upstream ?? '')
    for (const event of failures) if (event.what !== 'lost') group.add(event)
    group.start = failures[0]?.time ?? 0
    group.end = failures.at(-1)?.time ?? 0
    const file = caseOf(group, {
      conf: this.#options.conf,
      names: this.#names,
      knows: this.#options.knows,
      served: this.#seconds,
      covered: this.#covered,
    })
    this.#findings.addRescued(judge(file))
  }
}

/** Connections that are turned away so are in no access log. */
function isShortage(event: LogEvent): event is SignEvent {
  return (
    event.what === 'sign' &&
    (event.kind === 'worker_connections' || event.kind === 'too_many_files')
  )
}

function longestFailTimeout(conf: ConfFacts | undefined): number {
  const times = conf?.upstreams.flatMap(({ servers }) =>
    servers.map((server) => server.failTimeout),
  )
  return times === undefined || times.length === 0 ? 10_000 : Math.max(...times)
}

function merge(tallies: LostTally[]): void {
  const all = new LostTally()
  for (const tally of tallies.splice(0)) {
    all.total += tally.total
    all.bystanders += tally.bystanders
    all.triggers += tally.triggers
    for (const [status, count] of tally.byStatus)
      all.byStatus.set(status, (all.byStatus.get(status) ?? 0) + count)
  }
  tallies.push(all)
}
