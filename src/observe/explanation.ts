/** Why a request ended as it did, in words: what happened, to which peers, why nobody else was asked, what to do. */
import type { AttemptSummary, ErrorCode } from '../errors.js'
import type { FailureType, Phase } from '../next-upstream/attempt-result.js'
import type { WhyNoNext } from '../next-upstream/decide.js'
import { adviceOf } from './advice.js'
import { attemptText, brokenText, ms, whyText } from './attempt-text.js'

/** How a peer stood when a request ended. */
export interface PeerStanding {
  readonly peer: string
  readonly status: 'up' | 'ejected' | 'unhealthy' | 'down' | 'draining' | 'full'
  /** Why it was marked, as the event `eject` said it; undefined: it is not marked. */
  readonly reason: string | undefined
  /** Milliseconds that it has been marked. */
  readonly since: number | undefined
  /** Milliseconds until it is tried again, if nothing brings it back before. */
  readonly until: number | undefined
}

/** A response that ended early, with its beginning at the client. */
export interface BrokenResponse {
  readonly peer: string
  readonly type: FailureType
  /** Of the cause, as Node has it. */
  readonly code: string | undefined
}

/** What an explanation goes by. */
export interface ExplanationFacts {
  readonly upstream: string
  readonly method: string
  /** Without the query. */
  readonly path: string
  /** What the client was given; 499: it had left; 0: nothing yet. */
  readonly status: number
  readonly code: ErrorCode | undefined
  /** The error's own. */
  readonly message: string | undefined
  /** Milliseconds. */
  readonly duration: number
  /** Milliseconds in the queue. */
  readonly waited: number
  readonly attempts: readonly AttemptSummary[]
  readonly broken: BrokenResponse | undefined
  /** As they stood at the end; empty: that was not of interest. */
  readonly peers: readonly PeerStanding[]
  /** How many peers there are that are not listed. */
  readonly morePeers: number
  readonly settings: ExplainedSettings
}

/** The options that an explanation names with their values. Milliseconds, bytes. */
export interface ExplainedSettings {
  readonly nginx: boolean
  readonly tries: number
  readonly nextTimeout: number
  readonly connectTimeout: number
  readonly sendTimeout: number
  readonly readTimeout: number
  readonly bufferSize: number
  readonly whenNoneLive: 'try' | 'wait' | 'fail'
  /** Statuses that are put to a peer's account. */
  readonly failOn: readonly string[]
  readonly on: readonly string[]
  readonly queueTimeout: number
}

/** Where a request ended: `select`, nobody could be asked; `request`, it could not be sent on; else as a failure's phase. */
export type EndPhase = Phase | 'select' | 'request'

/** The answer to "why?" for one request. For logs and operators: it names peers. */
export interface Explanation {
  /** One sentence. */
  readonly summary: string
  readonly code: ErrorCode | undefined
  /** Undefined: it was answered. */
  readonly phase: EndPhase | undefined
  /** One sentence for each attempt. */
  readonly attempts: readonly string[]
  /** Why no next upstream was tried after the last attempt; undefined: there was no need. */
  readonly whyNoNext: string | undefined
  /** How the peers stood, where that is of importance. */
  readonly peers: readonly string[]
  /** What can be done about it, by the most likely first. */
  readonly advice: readonly string[]
  /** All of it, a line each. */
  readonly text: string
}

export function explanationOf(facts: ExplanationFacts): Explanation {
  const attempts = facts.attempts
    .filter(({ outcome }) => outcome !== 'no_live_upstreams')
    .map((attempt) => lineOf(attempt, facts))
  const last = facts.attempts.at(-1)
  const why = last === undefined ? undefined : whyOf(last)
  const whyNoNext =
    last === undefined || why === undefined
      ? undefined
      : whyText(why, last, facts.method, facts.settings)
  const explained = {
    summary: summaryOf(facts),
    code: facts.code,
    phase: phaseOf(facts),
    attempts,
    whyNoNext,
    peers: standingsOf(facts),
    advice: adviceOf(facts),
  }
  return { ...explained, text: textOf(explained) }
}

function lineOf(attempt: AttemptSummary, { broken, settings }: ExplanationFacts): string {
  const text = attemptText(attempt, settings)
  const isIt = attempt.peer === broken?.peer && attempt.type === undefined && attempt.status > 0
  return isIt ? `${text}${brokenText(attempt, broken, settings)}` : text
}

/** A status that is not listed is passed on as any other response. */
function whyOf({ why, condition, decision }: AttemptSummary): WhyNoNext | undefined {
  return why ?? (condition !== undefined && decision === 'deliver' ? 'not_listed' : undefined)
}

function summaryOf(facts: ExplanationFacts): string {
  const { method, path, status, code, attempts, duration, waited } = facts
  const request = `${method} ${path}`
  const inAll = `in ${ms(duration)}${waited > 0 ? ` (${ms(waited)} of them in the queue)` : ''}`
  if (code === undefined) {
    if (status === 0) return `${request} is under way: ${triesText(attempts)} so far`
    const last = attempts.findLast(({ status: given }) => given === status) ?? attempts.at(-1)
    const from = last === undefined ? 'somebody else' : last.peer
    return `${request} was answered ${String(status)} by ${from} ${inAll}, ${triesText(attempts)}`
  }
  if (code === 'ERR_CLIENT_CLOSED') return `the client of ${request} left after ${ms(duration)}`
  if (code === 'ERR_UPSTREAM_TRUNCATED')
    return `${request} was cut off ${inAll}: ${facts.message ?? code}`
  return `${request} was answered ${String(status)} by the balancer itself ${inAll}: ${facts.message ?? code}`
}

function triesText(attempts: readonly AttemptSummary[]): string {
  return attempts.length === 1 ? 'at the first try' : `${String(attempts.length)} tries`
}

function phaseOf({ code, attempts }: ExplanationFacts): EndPhase | undefined {
  switch (code) {
    case undefined:
      return undefined
    case 'ERR_NO_LIVE_UPSTREAMS':
    case 'ERR_PEERS_BUSY':
    case 'ERR_QUEUE_FULL':
    case 'ERR_QUEUE_TIMEOUT':
    case 'ERR_OVERLOADED':
      return 'select'
    case 'ERR_UPSTREAM_TRUNCATED':
      return 'body'
    case 'ERR_UPSTREAM_CONNECTION':
    case 'ERR_UPSTREAM_TIMEOUT':
    case 'ERR_UPSTREAM_INVALID_HEADER':
      return attempts.findLast(({ phase }) => phase !== undefined)?.phase
    case 'ERR_CONFIGURATION':
    case 'ERR_CLIENT_CLOSED':
    case 'ERR_BODY_TOO_LARGE':
    case 'ERR_BODY_CONSUMED':
    case 'ERR_BAD_REQUEST':
    case 'ERR_CLOSING':
    case 'ERR_INTERNAL':
      return 'request'
  }
}

const REASONS: Readonly<Record<string, string>> = {
  error: 'for a failed connection',
  timeout: 'for a timeout',
  invalid_header: 'for a response that could not be read',
  status: 'for its statuses (failOn)',
  rate: 'for too many failures of late (outlierDetection)',
  retry_after: 'because it has asked for a rest (Retry-After)',
  shared: 'by another worker (zone)',
}

function standingsOf({ peers, morePeers, settings }: ExplanationFacts): string[] {
  const lines = peers.map(({ peer, status, reason, since, until }) => {
    if (status !== 'ejected') return `${peer} was ${status}`
    const why =
      settings.nginx && reason === 'status'
        ? 'for its statuses (nextUpstream.on)'
        : (REASONS[reason ?? ''] ?? 'for failures')
    const from = since === undefined ? '' : ` ${ms(since)} before`
    const to =
      until === undefined ? '' : `, until ${ms(Math.max(0, until))} from then at the latest`
    return `${peer} had been marked${from} ${why}${to}`
  })
  return morePeers > 0 ? [...lines, `and ${String(morePeers)} more`] : lines
}

function textOf(explained: Omit<Explanation, 'text'>): string {
  const { summary, attempts, whyNoNext, peers, advice } = explained
  return [
    summary,
    ...attempts.map((line, i) => `  ${String(i + 1)}. ${line}`),
    ...(whyNoNext === undefined ? [] : [`  no next upstream was tried: ${whyNoNext}`]),
    ...peers.map((line) => `  ${line}`),
    ...advice.map((line) => `  > ${line}`),
  ].join('\n')
}
