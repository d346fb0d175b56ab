/** The last requests that failed, with their trails: so many, and each of a bounded size. */
import type { IncomingMessage } from 'node:http'
import type { AttemptSummary } from '../../errors.js'
import type { FinishEvent } from '../../events.js'
import type { AttemptReport, FailedRequestReport } from './report.js'
import { clip, pathOf } from './text.js'

const KEPT = 20
/** Attempts of one request that are kept. */
const ATTEMPTS = 10
const LONGEST = 200
const LONGEST_EXPLANATION = 2000

/** Ended with a 5xx, or was broken off. A client that left is its own business. */
export function hasFailed({ status, error }: Pick<FinishEvent, 'status' | 'error'>): boolean {
  return status >= 500 || (error !== undefined && error.status >= 500)
}

export class FailedRequests {
  readonly #kept: FailedRequestReport[] = []
  #count = 0

  /** The last first. */
  get last(): readonly FailedRequestReport[] {
    return this.#kept
  }

  /** Another number after each. */
  get count(): number {
    return this.#count
  }

  /** `at`: milliseconds since 1970. */
  add(event: FinishEvent, at: number): void {
    this.#count++
    this.#kept.unshift(reportOf(event, this.#count, at))
    if (this.#kept.length > KEPT) this.#kept.pop()
  }
}

function reportOf(event: FinishEvent, id: number, at: number): FailedRequestReport {
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
    explanation: explanationOf(error),
  }
}

/** As the client wrote it: Connect and Express keep that. */
function targetOf(request: IncomingMessage): string {
  const { originalUrl } = request as { readonly originalUrl?: unknown }
  return typeof originalUrl === 'string' ? originalUrl : (request.url ?? '/')
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

function explanationOf(error: unknown): string | null {
  if (typeof error !== 'object' || error === null || !('explanation' in error)) return null
  const { explanation } = error
  return typeof explanation === 'string' ? clip(explanation, LONGEST_EXPLANATION) : null
}

function tenths(ms: number): number {
  return Math.round(ms * 10) / 10
}
