/** The last requests that failed, with their trails: so many, and each of a bounded size. */
import type { AttemptSummary, BalancerError } from '../../errors.js'
import type { FinishEvent } from '../../events.js'
import type { AttemptReport, ExplanationReport, FailedRequestReport } from './report.js'
import { targetOf } from '../request-uri.js'
import { clip, pathOf } from '../shown-text.js'

const KEPT = 20
/** Attempts of one request that are kept. */
const ATTEMPTS = 10
const LONGEST = 200
const LONGEST_SENTENCE = 500
const SENTENCES = 8

/** Ended with a 5xx, or was broken off. A client that left is its own business. */
export function hasFailed({ status, error }: Pick<FinishEvent, 'status' | 'error'>): boolean {
  return status >= 500 || (error !== undefined && error.status >= 500)
}

/** One that is kept. What explains it is asked for when somebody looks. */
interface Kept {
  readonly report: Omit<FailedRequestReport, 'explanation'>
  readonly error: BalancerError | undefined
}

export class FailedRequests {
  readonly #kept: Kept[] = []
  #count = 0
  #reports: readonly FailedRequestReport[] | undefined = []

  /** The last first. The same list as long as there is no other request in it. */
  get last(): readonly FailedRequestReport[] {
    return (this.#reports ??= this.#kept.map(({ report, error }) => {
      return { ...report, explanation: explanationOf(error) }
    }))
  }

  get count(): number {
    return this.#count
  }

  /** `at`: milliseconds since 1970. */
  add(event: FinishEvent, at: number): void {
    this.#count++
    this.#reports = undefined
    this.#kept.unshift({ report: reportOf(event, this.#count, at), error: event.error })
    if (this.#kept.length > KEPT) this.#kept.pop()
  }
}

function reportOf(event: FinishEvent, id: number, at: number): Kept['report'] {
  const { request, error } = event
  return {
    id,
    at,
    method: clip(request.method ?? '', 20),
    path: pathOf(targetOf(request), LONGEST),
    status: event.status,
    code: error?.code ?? null,
    duration: tenths(event.duration),
    waited: tenths(event.waited),
    attempts: event.attempts.slice(0, ATTEMPTS).map(attemptOf),
  }
}

function attemptOf(attempt: AttemptSummary): AttemptReport {
  return {
    peer: clip(attempt.peer, LONGEST),
    outcome: clip(attempt.outcome, LONGEST),
    status: attempt.status,
    startedAt: tenths(attempt.startedAt),
    duration: tenths(attempt.duration),
    condition: attempt.condition ?? null,
    decision: attempt.decision ?? null,
    why: attempt.why ?? null,
    marked: attempt.marked,
  }
}

function explanationOf(error: BalancerError | undefined): ExplanationReport | null {
  const explanation = error?.explanation
  if (explanation === undefined) return null
  const { summary, whyNoNext, peers, advice } = explanation
  return {
    summary: clip(summary, LONGEST_SENTENCE),
    whyNoNext: whyNoNext === undefined ? null : clip(whyNoNext, LONGEST_SENTENCE),
    peers: peers.slice(0, SENTENCES).map((text) => clip(text, LONGEST_SENTENCE)),
    advice: advice.slice(0, SENTENCES).map((text) => clip(text, LONGEST_SENTENCE)),
  }
}

function tenths(ms: number): number {
  return Math.round(ms * 10) / 10
}
