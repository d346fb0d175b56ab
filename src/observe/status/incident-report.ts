/** Incidents and the early warning, as the live page tells of them: so many, and each of a bounded size. */
import type { EarlyWarning, Incident } from '../incident.js'
import type { IncidentReport } from './report.js'
import { clip } from '../shown-text.js'

/** Where they are recorded. */
export interface IncidentBook {
  /** The latest last. */
  readonly incidents: readonly Incident[]
  /** The last of them goes on. */
  readonly goesOn: boolean
  readonly warning: EarlyWarning | undefined
}

const KEPT = 10
const TRIGGERS = 5
const CHANGES = 30
const LONGEST = 200
const LONGEST_SUMMARY = 1000
/** Without a failure for so long one is over, also where no request has come that would have shown it. */
const GAP = 10_000

/** The last first. `at`: milliseconds since 1970. */
export function reportIncidents({ incidents, goesOn }: IncidentBook, at: number): IncidentReport[] {
  const open = goesOn ? incidents.at(-1) : undefined
  return incidents
    .slice(-KEPT)
    .map((each) => reportOf(each, each === open && at - each.end < GAP ? 'open' : 'closed'))
    .reverse()
}

/** It is in force as long as it looks ahead. */
export function reportWarning({ warning }: IncidentBook, at: number): EarlyWarning | null {
  if (warning === undefined || at >= warning.at + warning.horizon) return null
  const marks = Object.entries(warning.marks).slice(0, CHANGES)
  return {
    at: warning.at,
    chance: Number(warning.chance.toPrecision(2)),
    horizon: warning.horizon,
    window: warning.window,
    marks: Object.fromEntries(marks.map(([peer, count]) => [clip(peer, LONGEST), count])),
    summary: clip(warning.summary, LONGEST_SUMMARY),
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
