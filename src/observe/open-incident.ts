/** An incident while it goes on. Bounded, however long it does. */
import type { ErrorCode } from '../errors.js'
import { ms } from './attempt-text.js'
import type { ExplainedSettings } from './explanation.js'
import type { Incident, IncidentRequest, Mechanism, PeerChange } from './incident.js'
import { MECHANISM_TEXT, mechanismOf, preventionOf } from './mechanism.js'
import type { FailedRequest } from './mechanism.js'
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
  readonly #codes: Partial<Record<ErrorCode, number>> = {}
  readonly #markings: MarkingAttempt[] = []
  /** Where nobody was marked: what failed. */
  readonly #failures: IncidentRequest[] = []
  readonly #timeline: PeerChange[] = []
  readonly #mechanisms = new Map<Mechanism, number>()

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
    const { at, method, path, code, attempts } = failure
    this.#end = at
    this.#failed++
    this.#codes[code] = (this.#codes[code] ?? 0) + 1
    const mechanism = mechanismOf(failure, this.#markings)
    this.#mechanisms.set(mechanism, (this.#mechanisms.get(mechanism) ?? 0) + 1)
    const last = attempts.findLast(({ type }) => type !== undefined)
    if (last !== undefined && this.#failures.length < TRIGGERS)
      this.#failures.push({ at, method, path, peer: last.peer, outcome: last.outcome })
  }

  /** As of now. */
  snapshot(): Incident {
    const mechanism = this.#mechanism
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
      prevention: preventionOf(mechanism, this.#settings),
    }
  }

  get #mechanism(): Mechanism {
    let best: Mechanism = 'unknown'
    let most = 0
    for (const [mechanism, count] of this.#mechanisms) {
      if (count <= most) continue
      best = mechanism
      most = count
    }
    return best
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
