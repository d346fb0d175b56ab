/** The last incidents, and the warning that is in force. */
import type { EarlyWarning, Incident } from '../incident.js'
import type { IncidentReport } from './report.js'
import { clip } from './text.js'

const KEPT = 10
const TRIGGERS = 5
const CHANGES = 30
const LONGEST = 200
const LONGEST_SUMMARY = 1000

export class IncidentLog {
  /** The last first. */
  #kept: readonly IncidentReport[] = []
  #warning: EarlyWarning | undefined

  get last(): readonly IncidentReport[] {
    return this.#kept
  }

  /** One that has begun, or is over: then it takes the place of what was known of it. */
  add(incident: Incident, state: IncidentReport['state']): void {
    const others = this.#kept.filter(({ id }) => id !== incident.id)
    this.#kept = [reportOf(incident, state), ...others].slice(0, KEPT)
  }

  warn(warning: EarlyWarning): void {
    const { at, chance, horizon, window } = warning
    const marks = Object.entries(warning.marks).slice(0, CHANGES)
    this.#warning = {
      at,
      chance,
      horizon,
      window,
      marks: Object.fromEntries(marks.map(([peer, count]) => [clip(peer, LONGEST), count])),
      summary: clip(warning.summary, LONGEST_SUMMARY),
    }
  }

  /** It is in force as long as it looks ahead. `at`: milliseconds since 1970. */
  warningAt(at: number): EarlyWarning | null {
    const warning = this.#warning
    return warning !== undefined && at < warning.at + warning.horizon ? warning : null
  }
}

function reportOf(incident: Incident, state: IncidentReport['state']): IncidentReport {
  const { id, start, end, failed, codes, mechanism, prevention } = incident
  return {
    id,
    state,
    upstream: clip(incident.upstream, LONGEST),
    start,
    end,
    failed,
    codes: { ...codes },
    mechanism,
    summary: clip(incident.summary, LONGEST_SUMMARY),
    prevention: prevention && {
      option: clip(prevention.option, LONGEST),
      advice: clip(prevention.advice, LONGEST_SUMMARY),
    },
    triggers: incident.triggers.slice(0, TRIGGERS).map(({ at, method, path, peer, outcome }) => ({
      at,
      method: clip(method, 20),
      path: clip(path, LONGEST),
      peer: clip(peer, LONGEST),
      outcome: clip(outcome, LONGEST),
    })),
    timeline: incident.timeline.slice(0, CHANGES).map(({ at, peer, change, reason }) => ({
      at,
      peer: clip(peer, LONGEST),
      change,
      reason: clip(reason, LONGEST),
    })),
  }
}
