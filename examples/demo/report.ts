/** The closing table, and the one question: did anybody notice? */
import type { Verdict } from './engine/judge.js'
import type { DemoAct } from './acts.js'

export interface Played {
  readonly act: DemoAct
  readonly verdict: Verdict
}

/** All that a user saw and should not have. The acts leave no excuse but a machine that stood still. */
export function failedIn(verdict: Verdict): number {
  return verdict.unjust + verdict.wrong + verdict.lost + verdict.outage
}

/** nginx's rules are played for comparison; what they do is not our verdict. */
export function counts({ act }: Played): boolean {
  return act.balancer !== 'nginx'
}

export function noticed(played: readonly Played[]): boolean {
  return played.filter(counts).some(({ verdict }) => failedIn(verdict) > 0 || verdict.runTwice > 0)
}

/** One line for an act that has ended. */
export function outcome({ act, verdict }: Played): string {
  if (act.balancer === 'nginx') {
    const others = verdict.requests - verdict.poison
    return `${verdict.bystanders} of ${others} requests for other URLs failed, after ${verdict.poison} for the broken one.`
  }
  const parts = [
    `${verdict.requests} requests, ${failedIn(verdict)} failed, ${verdict.retried} retried, ${verdict.runTwice} run twice`,
    verdict.poison > 0
      ? `${verdict.poison} asked for the broken URL and got ${brokenAnswer(act)}`
      : '',
    verdict.duringOutage > 0
      ? `${verdict.duringOutage} came while no server was there: ${verdict.duringOutageServed} of them were answered`
      : '',
    verdict.standstill > 0 ? `${verdict.standstill} not counted: this machine stood still` : '',
  ]
  return `${parts.filter(Boolean).join('; ')}.`
}

function brokenAnswer(act: DemoAct): string {
  return act.title.includes('500') ? "the application's own 500, byte for byte" : 'an honest 502'
}

const COLUMNS = ['requests', 'to broken URL', 'failed', 'retried', 'run twice'] as const

export function table(played: readonly Played[]): string[] {
  const ours = played.filter(counts)
  const rows = ours.map(({ act, verdict }) => ({ title: act.title, cells: cells(verdict) }))
  const total = COLUMNS.map((_, at) => rows.reduce((sum, row) => sum + (row.cells[at] ?? 0), 0))
  const wide = Math.max(...rows.map(({ title }) => title.length))
  const line = (title: string, values: readonly (string | number)[]): string =>
    title.padEnd(wide) +
    values.map((value, at) => String(value).padStart((COLUMNS[at]?.length ?? 0) + 3)).join('')
  const head = line('failure', COLUMNS)
  const rule = '-'.repeat(head.length)
  return [
    head,
    rule,
    ...rows.map((row) => line(row.title, row.cells)),
    rule,
    line('evenkeel', total),
  ]
}

function cells(verdict: Verdict): number[] {
  return [verdict.requests, verdict.poison, failedIn(verdict), verdict.retried, verdict.runTwice]
}

/** The last words. */
export function conclusion(played: readonly Played[]): string[] {
  const compared = played
    .filter((one) => !counts(one))
    .map(
      ({ verdict }) =>
        `(Under nginx's rules ${verdict.bystanders} bystanders failed in the first act alone.)`,
    )
  if (!noticed(played)) return ['Nobody noticed: 0 failed, 0 run twice.', ...compared]
  const ours = played.filter(counts)
  const failed = ours.reduce((sum, { verdict }) => sum + failedIn(verdict), 0)
  const twice = ours.reduce((sum, { verdict }) => sum + verdict.runTwice, 0)
  const complaints = ours.flatMap(({ act, verdict }) => [
    ...(verdict.lost > 0 ? [`${act.title}: ${verdict.lost} writes lost with their server`] : []),
    ...(verdict.outage > 0
      ? [`${act.title}: ${verdict.outage} failed while no server was there`]
      : []),
    ...verdict.complaints.map((complaint) => `${act.title}: ${complaint}`),
  ])
  return [
    `Somebody noticed: ${failed} failed, ${twice} run twice.`,
    ...complaints.map((text) => `  ${text}`),
    ...compared,
  ]
}
