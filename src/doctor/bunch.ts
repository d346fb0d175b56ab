/** A group of lost requests, as the report has it. */
import { fixFor } from './advice.js'
import type { CaseFile } from './case-file.js'
import { printable } from './escapes.js'
import type { FailureEvent } from './events.js'
import type { LostTally } from './groups.js'
import { headlineOf } from './headline.js'
import { labelOf } from './marks.js'
import { mechanismOf } from './mechanism.js'
import type { Verdict } from './mechanism.js'
import type { Bunch, Evidence, LostRequests, Second, Trigger } from './report.js'

const MOST_TRIGGERS = 20
const MOST_MARKS = 50

export interface Judged {
  readonly file: CaseFile
  readonly verdict: Verdict
  readonly headline: string
  readonly triggers: readonly Trigger[]
  readonly paths: readonly string[]
}

export function judge(file: CaseFile): Judged {
  const verdict = mechanismOf(file)
  const triggers = triggersOf(file)
  const paths = [...triggers].sort((a, b) => b.count - a.count).map(({ path }) => path)
  return { file, verdict, headline: printable(headlineOf(file, verdict)), triggers, paths }
}

export function bunchOf(judged: Judged, seconds: readonly Second[]): Bunch {
  const { file, verdict, triggers } = judged
  return {
    upstream: printable(file.upstreamName),
    start: file.start,
    end: file.end,
    duration: file.end - file.start,
    mechanism: verdict.mechanism,
    confidence: verdict.confidence,
    headline: judged.headline,
    because: verdict.because.map(printable),
    contributing: verdict.contributing,
    lost: lostOf([file.lost]),
    served: seconds
      .filter(({ time }) => time + 1000 > file.start && time <= file.end)
      .reduce((sum, { served }) => sum + served, 0),
    blackout: file.lost.bystanders > 0 || file.refusals > 1,
    triggers: triggers.slice(0, MOST_TRIGGERS),
    peers: file.marks.peers.map(({ peer, failures, marks }) => ({
      peer: printable(peer),
      failures,
      served: file.served.byPeer(peer, file.start, file.end),
      marks: marks.slice(0, MOST_MARKS).map((mark) => ({ ...mark, by: printable(mark.by) })),
    })),
    seconds,
    evidence: evidenceOfCase(file),
    fix: fixFor(verdict.mechanism, { ...file, paths: judged.paths }),
  }
}

export function lostOf(tallies: readonly LostTally[]): LostRequests {
  const byStatus: Record<string, number> = {}
  const sum = { total: 0, bystanders: 0, triggers: 0 }
  for (const tally of tallies) {
    sum.total += tally.total
    sum.bystanders += tally.bystanders
    sum.triggers += tally.triggers
    for (const [status, count] of tally.byStatus) byStatus[status] = (byStatus[status] ?? 0) + count
  }
  return { ...sum, byStatus, undetermined: sum.total - sum.bystanders - sum.triggers }
}

/** Those that marked a peer first, and in the order of their times. */
function triggersOf({ failures, marks, signs }: CaseFile): Trigger[] {
  const byKey = new Map<
    string,
    Trigger & { count: number; first: number; last: number; marked: boolean }
  >()
  for (const failure of failures) {
    const key = `${labelOf(failure)} ${failure.peer}`
    const known = byKey.get(key)
    const marked = marks.markers.has(failure)
    if (known === undefined) byKey.set(key, { ...triggerOf(failure), marked })
    else {
      known.count++
      known.first = Math.min(known.first, failure.time)
      known.last = Math.max(known.last, failure.time)
      known.marked ||= marked
    }
  }
  if (byKey.size === 0)
    for (const sign of signs.slice(0, MOST_TRIGGERS)) byKey.set(`${byKey.size}`, triggerOf(sign))
  return [...byKey.values()].sort(
    (a, b) => Number(b.marked) - Number(a.marked) || a.first - b.first,
  )
}

type Told = Pick<FailureEvent, 'method' | 'path' | 'peer' | 'time' | 'evidence'> & {
  readonly kind: string
  readonly status?: number
}

function triggerOf(event: Told): Trigger {
  return {
    kind: event.kind,
    status: event.status ?? 0,
    method: printable(event.method),
    path: printable(event.path),
    peer: printable(event.peer),
    count: 1,
    first: event.time,
    last: event.time,
    marked: false,
    evidence: event.evidence,
  }
}

/** A few lines of each kind, each line once. */
export function evidenceOfCase({ failures, marks, signs, lost, refusal }: CaseFile): Evidence[] {
  const markers = failures.filter((failure) => marks.markers.has(failure))
  const chosen = [
    ...(markers.length > 0 ? markers : failures).slice(0, 4),
    ...signs.filter(({ kind }) => kind === 'disabled').slice(0, 1),
    ...signs.filter(({ kind }) => kind !== 'disabled').slice(0, 2),
    ...lost.examples.slice(0, 2),
    ...(refusal === undefined ? [] : [refusal]),
  ]
  const lines = new Map<string, Evidence>()
  for (const { evidence } of chosen) lines.set(`${evidence.file}:${evidence.line}`, evidence)
  return [...lines.values()]
}
