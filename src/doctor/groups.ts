/** Puts lost requests that are close together into groups, each with the failures that led to it. */
import { NO_UPSTREAM } from './access-events.js'
import type { FailureEvent, LogEvent, LostEvent, SignEvent } from './events.js'

/** Failures that are kept of one group; more are counted. */
const MOST_FAILURES = 5000
const MOST_SIGNS = 200
const EXAMPLES = 4

/** Lost requests of one kind, counted. */
export class LostTally {
  readonly byStatus = new Map<number, number>()
  total = 0
  bystanders = 0
  triggers = 0
  readonly examples: LostEvent[] = []

  add(event: LostEvent): void {
    this.total++
    this.byStatus.set(event.status, (this.byStatus.get(event.status) ?? 0) + 1)
    if (event.role === 'bystander') this.bystanders++
    if (event.role === 'trigger') this.triggers++
    if (this.examples.length < EXAMPLES) this.examples.push(event)
  }
}

/** Lost requests with at most `gap` between two of them. */
export class Group {
  readonly upstream: string
  /** By the access log, and by the error log: the same requests, seen twice. */
  readonly lost = { access: new LostTally(), error: new LostTally() }
  readonly failures: FailureEvent[] = []
  readonly signs: SignEvent[] = []
  moreFailures = 0
  start = Infinity
  end = -Infinity

  constructor(upstream: string) {
    this.upstream = upstream
  }

  addLost(event: LostEvent): void {
    this.lost[event.source].add(event)
    this.#stretch(event.time)
  }

  add(event: FailureEvent | SignEvent): void {
    if (event.what === 'sign') {
      if (this.signs.length < MOST_SIGNS || event.kind !== 'disabled') this.signs.push(event)
      return
    }
    if (this.failures.length < MOST_FAILURES) this.failures.push(event)
    else this.moreFailures++
  }

  #stretch(time: number): void {
    this.start = Math.min(this.start, time)
    this.end = Math.max(this.end, time)
  }
}

export interface GroupingOptions {
  /** Milliseconds between two lost requests of one group at most. */
  readonly gap: number
  /** Milliseconds before the first lost request in which failures have led to it: as long as a mark lasts. */
  readonly lookBack: number
}

/** Takes events in the order of their times. */
export class Groups {
  readonly #options: GroupingOptions
  readonly #closed: (group: Group) => void
  readonly #open = new Map<string, Group>()
  #recent: (FailureEvent | SignEvent)[] = []

  constructor(options: GroupingOptions, closed: (group: Group) => void) {
    this.#options = options
    this.#closed = closed
  }

  /** Where the earliest group that is open began; undefined if none is. */
  get earliest(): number | undefined {
    let earliest: number | undefined
    for (const { start } of this.#open.values()) earliest = Math.min(earliest ?? start, start)
    return earliest
  }

  take(event: LogEvent): void {
    this.reached(event.time)
    if (event.what === 'lost') {
      this.#groupOf(event).addLost(event)
      return
    }
    this.#recent.push(event)
    for (const [key, group] of this.#open) if (belongs(event.upstream, key)) group.add(event)
  }

  /** Closes what cannot grow any more. */
  reached(time: number): void {
    for (const group of this.#open.values())
      if (time - group.end > this.#options.gap) this.#close(group)
    if (this.#recent.length > 2 * MOST_FAILURES) this.#recent = this.#recent.slice(-MOST_FAILURES)
  }

  end(): void {
    for (const group of this.#open.values()) this.#close(group)
  }

  #groupOf({ upstream, time }: LostEvent): Group {
    const open = this.#open.get(upstream)
    if (open !== undefined) return open
    const group = new Group(upstream)
    this.#recent = this.#recent.filter((event) => time - event.time <= this.#options.lookBack)
    for (const event of this.#recent) if (belongs(event.upstream, upstream)) group.add(event)
    this.#open.set(upstream, group)
    return group
  }

  #close(group: Group): void {
    this.#open.delete(group.upstream)
    this.#closed(group)
  }
}

/** Whose upstream is not known may belong to any. */
function belongs(upstream: string, key: string): boolean {
  if (upstream === key) return true
  return upstream !== NO_UPSTREAM && key !== NO_UPSTREAM && (upstream === '' || key === '')
}
