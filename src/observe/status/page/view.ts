/** All that the page shows of a snapshot. */
import type {
  AttemptReport,
  ExplanationReport,
  FailedRequestReport,
  IncidentReport,
  StatusSnapshot,
  TotalsReport,
} from '../report.js'
import { PEERS } from './peers.js'
import type { Tree } from './tree.js'

export const VIEW = {
  ...PEERS,

  /** `now`: milliseconds, to count down with. */
  main(state: StatusSnapshot, now: number): Tree[] {
    return [
      this.facts(state),
      ...this.alarms(state),
      this.section('totals', 'Requests', this.totals(state.totals, state.span)),
      this.section('peers', 'Peers', this.peerTable(state, now)),
      this.section('incidents', 'Incidents', ...this.incidents(state.incidents)),
      this.section('failures', 'Failed requests', ...this.failures(state.failures)),
      this.section('configuration', 'Configuration', this.configuration(state)),
    ]
  },

  facts({ upstream, selector, uptime, counting, peers }: StatusSnapshot): Tree {
    const up = peers.filter(({ state }) => state === 'up').length
    const text = `Upstream ${upstream}: ${String(up)} of ${String(peers.length)} peers up, selector ${selector}. Running for ${this.span(uptime)}, counted here for ${this.span(counting)}.`
    return ['p', { class: 'facts', 'data-key': 'facts' }, text]
  },

  alarms({ incidents, warning }: StatusSnapshot): Tree[] {
    const alarms = incidents
      .filter(({ state }) => state === 'open')
      .map((incident): Tree => [
        'p',
        { class: 'alarm', 'data-key': `alarm-${String(incident.id)}` },
        ['b', {}, `✕ ${this.incidentTitle(incident)}. `],
        incident.summary,
      ])
    if (warning !== null)
      alarms.push([
        'p',
        { class: 'alarm early', 'data-key': 'warning' },
        [
          'b',
          {},
          `! Early warning (${this.percent(warning.chance)} within ${this.span(warning.horizon)}). `,
        ],
        warning.summary,
      ])
    return alarms
  },

  totals(totals: TotalsReport, span: number): Tree {
    const { queue, latency } = totals
    const waits =
      queue.waits === null
        ? ''
        : `, waits p50 ${this.time(queue.waits.p50)}, p99 ${this.time(queue.waits.p99)}`
    const waiting =
      queue.size === 0
        ? 'no queue'
        : `of ${String(queue.size)}${waits}, ${this.number(queue.turnedAway)} turned away`
    const percentiles =
      latency === null
        ? []
        : [this.small(`p90 ${this.time(latency.p90)}, p99 ${this.time(latency.p99)}`)]
    return [
      'dl',
      { class: 'tiles' },
      this.tile('Requests', `${this.number(totals.requestsPerSecond)}/s`, [
        this.small(`${this.number(totals.requests)} counted`),
        this.requestLine(totals.history, span),
      ]),
      this.tile('Errors', this.percent(totals.errorShare), [
        this.small(`${this.number(totals.errors)} counted`),
      ]),
      this.tile('Retries', `${this.number(totals.retriesPerSecond)}/s`),
      this.tile('In flight', this.number(totals.inFlight)),
      this.tile('Queue', this.number(queue.waiting), [this.small(waiting)]),
      this.tile('Latency p50', latency === null ? '–' : this.time(latency.p50), [
        ...percentiles,
        this.latencyLine(totals.history, span),
      ]),
    ]
  },

  incidents(incidents: readonly IncidentReport[]): Tree[] {
    if (incidents.length === 0) return [['p', { class: 'none' }, 'None.']]
    return incidents.map((incident) => this.incident(incident))
  },

  incident(incident: IncidentReport): Tree {
    const { id, start, end, failed, codes, prevention, triggers, timeline } = incident
    const counted = Object.entries(codes).map(([code, count]) => `${code} × ${String(count)}`)
    const advice: Tree[] =
      prevention === undefined
        ? []
        : [['p', {}, ['b', {}, `What prevents it: ${prevention.option}. `], prevention.advice]]
    const steps = [
      ...triggers.map(({ at, method, path, peer, outcome }) => ({
        at,
        text: `${method} ${path} at ${peer}: ${outcome}`,
      })),
      ...timeline.map(({ at, peer, change, reason }) => ({
        at,
        text: `${peer} ${change}: ${this.reason(reason)}`,
      })),
    ].sort((a, b) => a.at - b.at)
    return [
      'details',
      { 'data-key': `incident-${String(id)}` },
      [
        'summary',
        {},
        ['span', { class: 'when' }, `${this.day(start)} ${this.clock(start)}`],
        ` ${this.incidentTitle(incident)} `,
        this.small(`${String(failed)} failed in ${this.span(Math.max(0, end - start))}`),
      ],
      ['p', {}, incident.summary],
      ...advice,
      ['p', {}, counted.join(', ')],
      [
        'ol',
        { class: 'steps' },
        ...steps.map(({ at, text }): Tree => [
          'li',
          {},
          ['span', { class: 'when' }, this.clock(at)],
          ` ${text}`,
        ]),
      ],
    ]
  },

  failures(failures: readonly FailedRequestReport[]): Tree[] {
    if (failures.length === 0) return [['p', { class: 'none' }, 'None.']]
    return failures.map((failure) => this.failure(failure))
  },

  failure({
    id,
    at,
    method,
    path,
    status,
    code,
    duration,
    waited,
    attempts,
    explanation,
  }: FailedRequestReport): Tree {
    const text = `${String(status)}${code === null ? '' : ` ${code}`} `
    return [
      'details',
      { 'data-key': `failure-${String(id)}` },
      [
        'summary',
        {},
        ['span', { class: 'when' }, this.clock(at)],
        ' ',
        ['span', { class: 'path' }, `${method} ${path}`],
        ' ',
        ['b', {}, text],
        this.small(
          `in ${this.time(duration)}${waited > 0 ? `, ${this.time(waited)} of them in the queue` : ''}`,
        ),
      ],
      ...(explanation === null ? [] : [['p', {}, explanation.summary] as const]),
      ['ol', { class: 'steps' }, ...attempts.map((attempt) => this.attempt(attempt))],
      ...(explanation === null ? [] : this.explained(explanation)),
    ]
  },

  explained({ whyNoNext, peers, advice }: ExplanationReport): Tree[] {
    const sentences = advice.map((text): Tree => ['p', {}, ['b', {}, 'What to do: '], text])
    if (peers.length > 0) sentences.unshift(['p', { class: 'none' }, `${peers.join('; ')}.`])
    if (whyNoNext !== null)
      sentences.unshift(['p', {}, `No next upstream was tried: ${whyNoNext}.`])
    return sentences
  },

  attempt({ peer, outcome, startedAt, duration, decision, why, marked }: AttemptReport): Tree {
    const then =
      decision === null
        ? ''
        : ` → ${this.plain(decision)}${why === null ? '' : ` (${this.plain(why)})`}`
    const mark = marked ? ', which marked the peer' : ''
    return [
      'li',
      {},
      ['span', { class: 'when' }, `+${this.time(startedAt)}`],
      ` ${peer}: ${outcome} after ${this.time(duration)}${mark}${then}`,
    ]
  },

  configuration({ configuration }: StatusSnapshot): Tree {
    const rows = Object.entries(configuration).map(([option, shown]): Tree => [
      'div',
      {},
      ['dt', {}, option],
      ['dd', {}, shown],
    ])
    return [
      'details',
      { 'data-key': 'options' },
      ['summary', {}, `${String(rows.length)} options in force; secrets are left out`],
      ['dl', { class: 'options' }, ...rows],
    ]
  },
}
