/** The report for a terminal: 80 columns, colours if they are wanted. */
import type {
  Bunch,
  DoctorReport,
  Evidence,
  Finding,
  Fix,
  LiveCheck,
  LostRequests,
  PeerTimeline,
  Trigger,
} from './report.js'
import { clockTime, dayTime, durationText } from './show-time.js'
import { Page } from './wrap.js'

/** Bunches that are shown in full; the others have a line each. */
const IN_FULL = 5
const LISTED = 40

export function textReport(report: DoctorReport, options: { readonly colour: boolean }): string {
  const page = new Page(options.colour)
  header(page, report)
  for (const finding of report.findings) findingSection(page, finding)
  bunchSections(page, report)
  lintSection(page, report)
  if (report.live.length > 0) liveSection(page, report.live)
  if (report.notes.length > 0) {
    page.heading('Not known')
    for (const note of report.notes) page.item(note)
  }
  return page.text()
}

function header(page: Page, report: DoctorReport): void {
  for (const { file, kind, lines, from, to } of report.read) {
    const span =
      from === undefined || to === undefined ? 'nothing' : `${dayTime(from)} to ${dayTime(to)}`
    page.paragraph(`${kind} log ${file}: ${lines.toLocaleString('en')} lines, ${span}`)
  }
  page.gap()
  const failed = report.live.filter(({ result }) => result === 'failed').length
  if (!report.found) {
    page.strong('good', 'Nothing found.')
    if (report.requests > 0)
      page.paragraph(`${report.requests.toLocaleString('en')} requests, none of them lost.`)
    return
  }
  if (report.lost.total > 0) {
    const of = report.requests === 0 ? '' : ` of ${report.requests.toLocaleString('en')}`
    page.strong('bad', `${lostLine(report.lost, of)}, in ${bunchCount(report)}.`)
  } else if (report.rescued > 0) {
    page.strong(
      'warn',
      `No request was lost; ${report.rescued.toLocaleString('en')} had a failed attempt that another server made good.`,
    )
  } else if (report.findings.length > 0)
    page.strong('warn', 'No request was lost, but something was found.')
  if (failed > 0) page.strong('bad', `${failed} live checks failed.`)
  if (report.alone.total > 0 && report.bunches.length > 0)
    page.paragraph(`${report.alone.total.toLocaleString('en')} of them stood alone, in no bunch.`)
}

function bunchCount({ bunches, moreBunches }: DoctorReport): string {
  const count = bunches.length + moreBunches
  return count === 0
    ? 'no bunch, each alone'
    : `${count.toLocaleString('en')} bunch${count === 1 ? '' : 'es'}`
}

/** @param of ` of 3,201` */
export function lostLine({ total, byStatus, bystanders, triggers }: LostRequests, of = ''): string {
  const statuses = Object.entries(byStatus).map(([status, count]) => `${count} × ${status}`)
  const roles = [
    bystanders > 0 ? `${bystanders.toLocaleString('en')} bystanders` : '',
    triggers > 0 ? `${triggers.toLocaleString('en')} whose own attempt failed` : '',
  ].filter((role) => role !== '')
  const details = [...statuses, ...roles].join(', ')
  return `${total.toLocaleString('en')}${of} request${total === 1 && of === '' ? '' : 's'} lost (${details})`
}

function findingSection(page: Page, finding: Finding): void {
  page.heading(finding.mechanism, `confidence ${finding.confidence}`)
  page.paragraph(`${finding.headline}.`)
  for (const reason of finding.because) page.item(reason)
  if (finding.contributing.length > 0) page.item(`Beside it: ${finding.contributing.join(', ')}.`)
  fixLines(page, finding.fix)
  // Of bunches the lines are shown there.
  if (finding.bunches === 0) evidenceLines(page, finding.evidence)
}

function fixLines(page: Page, fix: Fix): void {
  page.label('In nginx')
  for (const line of fix.nginx) page.item(line)
  page.label('With evenkeel')
  for (const line of fix.evenkeel) page.item(line)
}

function bunchSections(page: Page, { bunches, moreBunches }: DoctorReport): void {
  for (const [index, bunch] of bunches.slice(0, IN_FULL).entries())
    bunchSection(page, bunch, index + 1)
  const rest = bunches.slice(IN_FULL, LISTED)
  if (rest.length === 0) return
  page.heading('More bunches')
  for (const bunch of rest)
    page.item(
      `${dayTime(bunch.start)} ${durationText(bunch.duration)}: ${bunch.headline} (${bunch.mechanism})`,
    )
  const more = bunches.length - IN_FULL - rest.length + moreBunches
  if (more > 0) page.item(`and ${more.toLocaleString('en')} more (--json has ${bunches.length})`)
}

function bunchSection(page: Page, bunch: Bunch, number: number): void {
  page.heading(`Bunch ${number}`, `${dayTime(bunch.start)}, ${durationText(bunch.duration)}`)
  page.strong('bad', `${bunch.headline}.`)
  page.paragraph(
    `${lostLine(bunch.lost)}; ${bunch.served.toLocaleString('en')} served meanwhile. ${bunch.mechanism}, confidence ${bunch.confidence}.`,
  )
  if (bunch.triggers.length > 0) page.label('Triggers')
  for (const trigger of bunch.triggers.slice(0, 8)) page.item(triggerLine(trigger))
  if (bunch.triggers.length > 8) page.item(`and ${bunch.triggers.length - 8} more`)
  const marked = bunch.peers.filter(({ marks }) => marks.length > 0)
  if (marked.length > 0) page.label('Marked')
  for (const peer of marked) page.item(peerLine(peer))
  evidenceLines(page, bunch.evidence)
}

function triggerLine({ kind, status, method, path, peer, count, first, marked }: Trigger): string {
  const request = `${method} ${path}`.trim()
  const what = kind === 'status' ? String(status) : kind.replaceAll('_', ' ')
  const times = count === 1 ? '' : ` × ${count}`
  return `${clockTime(first)} ${what}${times} at ${peer}${request === '' ? '' : ` for ${request}`}${marked ? ', marked it' : ''}`
}

function peerLine({ peer, marks, served }: PeerTimeline): string {
  const spans = marks.slice(0, 4).map(({ from, to }) => `${clockTime(from)} – ${clockTime(to)}`)
  const more = marks.length > 4 ? ` and ${marks.length - 4} more` : ''
  return `${peer}: ${spans.join(', ')}${more}; served ${served} meanwhile`
}

function evidenceLines(page: Page, evidence: readonly Evidence[]): void {
  if (evidence.length === 0) return
  page.label('Evidence')
  for (const { file, line, text } of evidence) page.quote(`${file}:${line}`, text)
}

function lintSection(page: Page, { lint }: DoctorReport): void {
  if (lint.length === 0) return
  page.heading('In the configuration')
  for (const { severity, rule, message, file, line, advice } of lint) {
    page.item(`${severity} ${file}:${line}: ${message} (${rule})`, TONES[severity])
    if (severity === 'error' || severity === 'danger') page.item(`In nginx: ${advice.nginx}`)
  }
}

const TONES = { error: 'bad', danger: 'bad', warning: 'warn', notice: undefined } as const

function liveSection(page: Page, live: readonly LiveCheck[]): void {
  page.heading('Live')
  for (const { upstream, peer, check, result, message } of live)
    page.item(
      `${result === 'ok' ? 'ok' : result.toUpperCase()} ${upstream} ${peer} ${check}: ${message}`,
      result === 'ok' ? 'good' : result === 'failed' ? 'bad' : 'warn',
    )
}
