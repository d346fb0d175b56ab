/** From an attempt's result to what is done next: gathers the facts, keeps the ledgers, asks the policy. */
import type { AttemptRecord } from './attempt-record.js'
import { logNext } from './debug.js'
import type { Exchange } from './exchange.js'
import type { RetryBudget } from './next-upstream/budget.js'
import { lineOf } from './message/response-headers.js'
import type {
  AttemptResult,
  UpstreamFailure,
  UpstreamResponse,
} from './next-upstream/attempt-result.js'
import { isStaleConnection } from './next-upstream/attempt-result.js'
import { isAlike, requestAtFault } from './next-upstream/blame.js'
import { conditionOfStatus } from './next-upstream/condition.js'
import type { AttemptCondition, Condition } from './next-upstream/condition.js'
import { decide } from './next-upstream/decide.js'
import type { AttemptFacts, DecideNextUpstream, Decision } from './next-upstream/decide.js'
import type { Admission } from './overload/admission.js'
import { retryAfterOf } from './next-upstream/retry-after.js'
import type { Outbound } from './outbound.js'
import type { Reporter } from './reporter.js'
import type { Lease, PeerSession } from './upstream/peer-session.js'
import type { PeerState } from './upstream/peer.js'
import type { PeerRegistry } from './upstream/registry.js'
import type { Clock } from './clock.js'
import { mayWait } from './waiting.js'

/** What judging needs of the handler's parts. */
export interface JudgeParts {
  readonly registry: PeerRegistry
  readonly clock: Clock
  readonly budget: RetryBudget | undefined
  readonly admission: Admission | undefined
  readonly decide: DecideNextUpstream | undefined
  readonly reporter: Reporter
  readonly policy: {
    readonly on: ReadonlySet<Condition>
    readonly failOn: ReadonlySet<Condition>
    /** The field in which peers tell of their load, in lower case. */
    readonly feedback: string | undefined
  }
}

/** One attempt with all that it belongs to. */
export interface AttemptContext {
  readonly x: Exchange
  readonly session: PeerSession
  readonly outbound: Outbound
  readonly lease: Lease
  readonly record: AttemptRecord
}

export interface Verdict {
  readonly do: Decision['do']
  /** The failure was put to the peer's account. */
  readonly charged: boolean
}

const DELIVER: Verdict = { do: 'deliver', charged: false }

/** Called once for each attempt, and once more when a response turns out not to be writable. */
export function judge(parts: JudgeParts, context: AttemptContext, result: AttemptResult): Verdict {
  return judgeBy(bestDecision, parts, context, result)
}

/** Of an attempt that came to nothing while another one of the same request is running: that one goes on. */
export function judgeBeside(
  parts: JudgeParts,
  context: AttemptContext,
  result: AttemptResult,
): Verdict {
  return judgeBy(otherGoesOn, parts, context, result)
}

type Decider = (parts: JudgeParts, facts: AttemptFacts) => Decision

const OTHER_GOES_ON: Decision = { do: 'next', charged: false }

function otherGoesOn(): Decision {
  return OTHER_GOES_ON
}

function bestDecision(parts: JudgeParts, facts: AttemptFacts): Decision {
  return possible(facts, askPolicy(parts, facts))
}

function judgeBy(
  decideBy: Decider,
  parts: JudgeParts,
  context: AttemptContext,
  result: AttemptResult,
): Verdict {
  const { record, lease, x } = context
  if (result.kind === 'response') {
    record.status = result.response.status
    record.rawHeaders = result.response.rawHeaders
    if (parts.admission !== undefined && !lease.exempt)
      parts.admission.answered(
        record.headerTime < 0 ? parts.clock.now() - lease.takenAt : record.headerTime,
      )
    const { feedback } = parts.policy
    if (feedback !== undefined) hear(parts.registry, lease.peer, result.response, feedback)
    const condition = conditionOfStatus(record.status)
    const good = condition === undefined || !parts.policy.failOn.has(condition)
    lease.answered(record.reused, good, record.status)
    if (condition === undefined) return DELIVER
    heedRetryAfter(parts.registry, lease, result.response)
    return judgeCondition(decideBy, parts, context, condition, undefined)
  }
  const failure = result.kind === 'failure' ? result.failure : pastDeadline(record)
  record.failure = failure
  // A transport of the user's may not measure.
  if (record.responseTime < 0) record.responseTime = parts.clock.now() - record.startedAt
  // nginx's numbers: `$upstream_status` of an attempt without an answer.
  record.status = failure.condition === 'timeout' ? 504 : 502
  x.lastFailure = failure
  if (failure.condition === 'timeout' && !lease.exempt && x.stopReason !== 'deadline')
    parts.admission?.timedOut()
  return judgeCondition(decideBy, parts, context, failure.condition, failure)
}

/** A response says what the peer can bear, whatever becomes of it. */
function hear(
  registry: PeerRegistry,
  peer: PeerState,
  { rawHeaders }: UpstreamResponse,
  field: string,
): void {
  const said = lineOf(rawHeaders, field)
  if (said !== undefined) registry.heard(peer, said)
}

function judgeCondition(
  decideBy: Decider,
  parts: JudgeParts,
  context: AttemptContext,
  condition: AttemptCondition,
  failure: UpstreamFailure | undefined,
): Verdict {
  const { registry, policy } = parts
  const stale = failure !== undefined && meetsStale(parts, context, failure)
  const isTransport = failure !== undefined
  const counts =
    policy.failOn.has(condition) && !stale && !context.lease.exempt && !isOurs(context.x, failure)
  const chargesNow = counts && (isTransport || !registry.nginx)
  const { fit } = context.lease.peer
  if (chargesNow) charge(context, condition, failure)
  const facts = gatherFacts(parts, context, condition, failure, stale)
  const decision = decideBy(parts, facts)
  // nginx blames a status only when it acts on it (`ngx_http_upstream_test_next`).
  const chargesLate = counts && !chargesNow && decision.do === 'next'
  if (chargesLate) charge(context, condition, failure)
  if (facts.requestAtFault) refundAlike(context.x)
  if (isRepeated(context, facts, decision)) parts.budget?.retry(parts.clock.now())
  const charged = chargesNow || chargesLate
  const { record } = context
  record.condition = condition
  record.charged = charged
  record.marked = charged && fit && !context.lease.peer.fit
  report(parts, context, condition, decision)
  return { do: decision.do, charged }
}

/** Is work done again? A wait for a place at a full peer ends with a try like any other. */
function isRepeated(
  { session }: AttemptContext,
  { requestSent, stale }: AttemptFacts,
  decision: Decision,
): boolean {
  if (decision.do === 'next') return decision.charged
  return decision.do === 'wait' && requestSent && !stale && session.hope() === 'place'
}

/** RFC 9110 section 10.2.3: the peer says when it would like to be asked again. */
function heedRetryAfter(
  { retryAfter }: PeerRegistry,
  lease: Lease,
  { status, rawHeaders }: UpstreamResponse,
): void {
  if (retryAfter === 0 || (status !== 503 && status !== 429)) return
  const ms = retryAfterOf(rawHeaders)
  if (ms > 0) lease.rest(Math.min(ms, retryAfter))
}

/** A stale connection is written to its own ledger, and forgiven once for each peer. */
function meetsStale(
  { registry }: JudgeParts,
  { x, lease, record }: AttemptContext,
  failure: UpstreamFailure,
): boolean {
  if (registry.nginx) {
    // `u->peer.cached`: whether a byte had come is not asked. Another peer is tried, and this one is charged.
    record.stale = failure.reusedConnection && failure.condition === 'error'
    return false
  }
  if (!isStaleConnection(failure)) return false
  record.stale = true
  lease.peer.ledgers.stale++
  if (x.staleAt?.includes(lease.peer) === true) return false
  x.staleAt ??= []
  x.staleAt.push(lease.peer)
  return true
}

/** Not the peer's doing: our own shortage, or our own deadline. */
function isOurs(x: Exchange, failure: UpstreamFailure | undefined): boolean {
  return failure?.type === 'proxy_internal_error' || x.stopReason === 'deadline'
}

function charge(
  { lease }: AttemptContext,
  condition: AttemptCondition,
  failure: UpstreamFailure | undefined,
): void {
  if (failure === undefined) lease.fail('status', 'answer')
  else lease.fail(failure.condition, failure.requestSent ? 'answer' : 'connect')
}

function gatherFacts(
  parts: JudgeParts,
  context: AttemptContext,
  condition: AttemptCondition,
  failure: UpstreamFailure | undefined,
  stale: boolean,
): AttemptFacts {
  const { x, session, outbound } = context
  const { registry, clock, budget, policy } = parts
  const outlook = session.outlook()
  const triesLeft = x.triesLeft + (registry.nginx && context.record.stale ? 1 : 0) > 1
  const allowed = budget?.allows(clock.now()) ?? true
  return {
    kind: failure === undefined ? 'response' : 'failure',
    condition,
    listed: policy.on.has(condition),
    requestSent: failure?.requestSent ?? true,
    idempotent: outbound.idempotent,
    replayable: outbound.body.replayable,
    stale,
    triesLeft,
    timeLeft: !x.aborted && !x.isPastDeadline(clock.now()),
    // nginx counts tries, not peers: it leaves a real answer for a peer that may not be there.
    nextPeer: registry.nginx ? 'live' : outlook,
    mayWait: mayWait(parts, x, session, triesLeft && (allowed || failure?.requestSent === false)),
    budget: allowed,
    requestAtFault: !stale && !registry.nginx && isRequestAtFault(context, condition, failure),
    held: x.held !== undefined,
  }
}

function isRequestAtFault(
  { x, lease }: AttemptContext,
  condition: AttemptCondition,
  failure: UpstreamFailure | undefined,
): boolean {
  const failing = {
    lease,
    peer: lease.peer,
    manner: failure === undefined ? condition : `${condition} ${failure.type}`,
    requestSent: failure?.requestSent ?? true,
    failuresSinceAnswer: lease.peer.failuresSinceAnswer,
  }
  const fault = requestAtFault(x.failings, failing)
  x.failings.push(failing)
  return fault
}

/** Takes back what the request has done; what a peer did by itself, it keeps. */
function refundAlike({ failings }: Exchange): void {
  const latest = failings.at(-1)
  if (latest === undefined) return
  for (const failing of failings) if (isAlike(failing, latest)) failing.lease.refund()
}

function askPolicy(parts: JudgeParts, facts: AttemptFacts): Decision {
  const standard = decide(facts)
  return parts.decide === undefined ? standard : parts.decide(facts, standard)
}

/** A policy of the user's may wish for what cannot be; a promise of the library is not for it to break. */
function possible(facts: AttemptFacts, wish: Decision): Decision {
  const goesOn = wish.do === 'next' || wish.do === 'again' || wish.do === 'wait'
  const impossible =
    (goesOn && !facts.replayable) ||
    (goesOn && facts.requestSent && !facts.idempotent) ||
    (wish.do === 'again' && !facts.stale && !facts.triesLeft) ||
    (goesOn && !facts.timeLeft) ||
    (wish.do === 'next' && facts.nextPeer === 'none') ||
    (wish.do === 'deliver_held' && !facts.held) ||
    (wish.do === 'deliver' && facts.kind === 'failure')
  if (!impossible) return wish
  if (facts.held) return { do: 'deliver_held', why: 'no_eligible_peer' }
  if (facts.kind === 'response') return { do: 'deliver', why: 'no_eligible_peer' }
  return { do: 'finish', why: 'no_eligible_peer' }
}

/** Counts an attempt against `tries`. A stale connection is free. */
export function settleTries(
  x: Exchange,
  registry: PeerRegistry,
  verdict: Verdict,
  record: AttemptRecord,
): void {
  if (verdict.do === 'again' && record.stale) return
  // nginx (`ngx_http_upstream_next`): an error on a cached connection is given its try back.
  if (registry.nginx && record.stale) return
  if (registry.nginx && registry.single) x.triesLeft = 0
  else x.triesLeft--
}

function pastDeadline(record: AttemptRecord): UpstreamFailure {
  return {
    condition: 'timeout',
    phase: record.connectTime < 0 ? 'connect' : 'header',
    type: 'connection_read_timeout',
    requestSent: record.connectTime >= 0,
    reusedConnection: record.reused,
    responseStarted: false,
    cause: undefined,
  }
}

function report(
  parts: JudgeParts,
  { x, lease, record }: AttemptContext,
  condition: AttemptCondition,
  decision: Decision,
): void {
  const why = 'why' in decision && decision.why !== 'good' ? decision.why : undefined
  record.decision = decision.do
  record.why = why
  if (logNext.enabled) {
    logNext(
      '%s at %s (%s): %s%s',
      condition,
      lease.peer.name,
      record.outcome,
      decision.do,
      why === undefined ? '' : ` (${why})`,
    )
  }
  parts.reporter.judged(x, lease.peer, record)
}
