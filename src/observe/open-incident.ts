/** An incident while it goes on. Bounded, however long it does. */
import type { ErrorCode } from '../errors.js'
import { ms } from './attempt-text.js'
import type { ExplainedSettings } from './explanation.js'
import type { Incident, IncidentRequest, Mechanism, PeerChange } from './incident.js'
import { MECHANISM_TEXT, mechanismOf, preventionOf, timeLimitOf } from './mechanism.js'
import type { FailedRequest, TimeLimit } from './mechanism.js'
import type { MarkingAttempt } from './peer-journal.js'

const TRIGGERS = 20
const TIMELINE = 100

/** A request that failed, as an incident takes it in. */
export interface IncidentFailure extends FailedRequest {
  /** Milliseconds since 1970. */
  readonly at: number
  readonly method: string
  readonly path: string
}

export class OpenIncident {
  readonly #id: number
  readonly #upstream: string
  readonly #settings: ExplainedSettings
  readonly #start: number
  #end: number
  #failed = 0
  /** Those of them whose response had begun. */
  #brokeOff = 0
  readonly #codes: Partial<Record<ErrorCode, number>> = {}
  readonly #markings: MarkingAttempt[] = []
  /** Where nobody was marked: what failed. */
  readonly #failures: IncidentRequest[] = []
  readonly #timeline: PeerChange[] = []
  readonly #mechanisms = new Map<Mechanism, number>()
  /** Where times were up: which. */
  readonly #limits = new Map<TimeLimit, number>()

  constructor(id: number, upstream: string, start: number, settings: ExplainedSettings) {
    this.#id = id
    this.#upstream = upstream
    this.#start = start
    this.#end = start
    this.#settings = settings
  }

  changed(change: PeerChange): void {
    if (this.#timeline.length < TIMELINE) this.#timeline.push(change)
  }

  marked(marking: MarkingAttempt): void {
    if (this.#markings.length < TRIGGERS) this.#markings.push(marking)
  }

  failed(failure: IncidentFailure): void {
    const { at, method, path, code, attempts, broken } = failure
    this.#end = at
    this.#failed++
    if (broken !== undefined) this.#brokeOff++
    this.#codes[code] = (this.#codes[code] ?? 0) + 1
    const mechanism = mechanismOf(failure, this.#markings)
    add(this.#mechanisms, mechanism)
    const limit = timeLimitOf(failure, this.#settings)
    if (limit !== undefined) add(this.#limits, limit)
    if (this.#failures.length >= TRIGGERS) return
    if (broken !== undefined) {
      const { peer, type } = broken
      this.#failures.push({ at, method, path, peer, outcome: `${type} in body` })
      return
    }
    const last = attempts.findLast(({ type }) => type !== undefined)
    if (last !== undefined)
      this.#failures.push({ at, method, path, peer: last.peer, outcome: last.outcome })
  }

  /** As of now. */
  snapshot(): Incident {
    const mechanism = mostOf(this.#mechanisms) ?? 'unknown'
    const triggers = this.#triggers
    return {
      id: this.#id,
      upstream: this.#upstream,
      start: this.#start,
      end: this.#end,
      failed: this.#failed,
      codes: { ...this.#codes },
      triggers,
      timeline: [...this.#timeline],
      mechanism,
      summary: this.#summary(mechanism, triggers),
      prevention: preventionOf(
        mechanism,
        this.#settings,
        mostOf(this.#limits),
        this.#brokeOff > this.#failed / 2 ? 'begun' : 'none',
      ),
    }
  }

  get #triggers(): IncidentRequest[] {
    if (this.#markings.length === 0) return [...this.#failures]
    return this.#markings
      .map(({ at, method, path, peer, attempt }) => {
        return { at, method, path, peer, outcome: attempt.outcome }
      })
      .sort((a, b) => a.at - b.at)
  }

  #summary(mechanism: Mechanism, triggers: readonly IncidentRequest[]): string {
    const requests = `${String(this.#failed)} request${this.#failed === 1 ? '' : 's'} failed in ${ms(this.#end - this.#start)}`
    const begun = triggers
      .slice(0, 2)
      .map(({ method, path, outcome, peer }) => `${method} ${path} (${outcome} at ${peer})`)
      .join(', ')
    const by = begun === '' ? '' : `; begun by ${begun}`
    return `upstream "${this.#upstream}": ${requests}: ${MECHANISM_TEXT[mechanism]}${by}`
  }
}

function add<T>(counts: Map<T, number>, value: T): void {
  counts.set(value, (counts.get(value) ?? 0) + 1)
}

/** The first of those that were counted most often; undefined of none. */
function mostOf<T>(counts: ReadonlyMap<T, number>): T | undefined {
  let best: T | undefined
  for (const [value, count] of counts)
    if (best === undefined || count > (counts.get(best) ?? 0)) best = value
  return best
}
