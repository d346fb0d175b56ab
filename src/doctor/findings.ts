/** What was seen of each mechanism, over all bunches and all that stood alone. */
import { fixFor } from './advice.js'
import { evidenceOfCase } from './bunch.js'
import type { Judged } from './bunch.js'
import { printable } from './escapes.js'
import type { Confidence, Evidence, Finding, DoctorMechanism } from './report.js'

const MOST_EVIDENCE = 6
const ORDER: readonly Confidence[] = ['low', 'medium', 'high']

interface Entry {
  readonly first: Judged
  confidence: Confidence
  bunches: number
  lost: number
  rescued: number
  /** Limits that were reached without a lost request in the access log. */
  signs: number
  readonly contributing: Set<DoctorMechanism>
  readonly evidence: Evidence[]
}

export class Findings {
  readonly #entries = new Map<DoctorMechanism, Entry>()

  /** Lost requests, in a bunch or alone. */
  add(judged: Judged, isBunch: boolean): void {
    const entry = this.#entryOf(judged)
    entry.lost += judged.file.lost.total
    if (isBunch) entry.bunches++
  }

  /** Failed attempts without a lost request. */
  addRescued(judged: Judged): void {
    const entry = this.#entryOf(judged)
    entry.rescued += judged.file.failures.length
    entry.signs += judged.file.signs.length
  }

  /** The one that cost most first. */
  all(): Finding[] {
    return [...this.#entries]
      .sort(([, a], [, b]) => b.lost - a.lost || b.rescued - a.rescued)
      .map(([mechanism, entry]) => ({
        mechanism,
        confidence: entry.confidence,
        headline: summaryOf(entry),
        because: entry.first.verdict.because.map(printable),
        contributing: [...entry.contributing],
        bunches: entry.bunches,
        lost: entry.lost,
        rescued: entry.rescued,
        evidence: entry.evidence,
        fix: fixFor(mechanism, { ...entry.first.file, paths: entry.first.paths }),
      }))
  }

  #entryOf(judged: Judged): Entry {
    const { mechanism, confidence, contributing } = judged.verdict
    let entry = this.#entries.get(mechanism)
    if (entry === undefined) {
      entry = {
        first: judged,
        confidence,
        bunches: 0,
        lost: 0,
        rescued: 0,
        signs: 0,
        contributing: new Set(),
        evidence: [],
      }
      this.#entries.set(mechanism, entry)
    }
    if (ORDER.indexOf(confidence) > ORDER.indexOf(entry.confidence)) entry.confidence = confidence
    for (const other of contributing) entry.contributing.add(other)
    const room = MOST_EVIDENCE - entry.evidence.length
    if (room > 0) entry.evidence.push(...evidenceOfCase(judged.file).slice(0, room))
    return entry
  }
}

function summaryOf({ bunches, lost, rescued, signs }: Entry): string {
  const count = (value: number, one: string): string =>
    `${value.toLocaleString('en')} ${one}${value === 1 ? '' : one.endsWith('h') ? 'es' : 's'}`
  const parts = []
  if (lost > 0) parts.push(`${count(lost, 'request')} lost`)
  if (bunches > 0) parts.push(`in ${count(bunches, 'bunch')}`)
  const first = parts.join(' ')
  const saved =
    rescued === 0 ? '' : `${count(rescued, 'failed attempt')} made good by another server`
  const reached =
    signs === 0
      ? ''
      : `${count(signs, 'line')} in the error log; connections that were turned away are in no access log`
  return [first, saved, reached].filter((part) => part !== '').join('; ')
}
