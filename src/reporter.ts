/** Tells what happened: the error answer, the events, one log line a request. */
import type { IncomingMessage, ServerResponse } from 'node:http'
import { setAttemptHeader } from './attempt-header.js'
import type { AttemptRecord } from './attempt-record.js'
import type { Clock } from './clock.js'
import { logRequest } from './debug.js'
import { BalancerError } from './errors.js'
import type { AttemptSummary, ErrorCode } from './errors.js'
import type { BalancerEmitter, QueueEvent, UpgradeEvent } from './events.js'
import type { Exchange } from './exchange.js'
import { shownPath } from './explain.js'
import type { Explainer } from './explain.js'
import { writeErrorPage } from './message/error-page.js'
import type { ErrorPageSettings } from './message/error-page.js'
import { breakOff } from './message/relay.js'
import { explanationOf } from './observe/explanation.js'
import type { Explanation } from './observe/explanation.js'
import type { IncidentRecorder } from './observe/incident-recorder.js'
import type { RequestObserver } from './observe/request-observer.js'
import type { PreparedAttempt } from './prepared-attempt.js'
import type { Peer } from './upstream/peer.js'

/** `options.onError`. */
export type OnError = (
  error: BalancerError,
  request: IncomingMessage,
  response: ServerResponse,
) => void

export class Reporter {
  /** A new list whenever it changes: who goes or comes meanwhile disturbs no round. */
  #observers: readonly RequestObserver[] = []
  readonly #emitter: BalancerEmitter
  readonly #clock: Clock
  readonly #page: ErrorPageSettings
  readonly #onError: OnError | undefined
  readonly #recorder: IncidentRecorder
  readonly #explainer: Explainer

  constructor(
    emitter: BalancerEmitter,
    clock: Clock,
    page: ErrorPageSettings,
    onError: OnError | undefined,
    recorder: IncidentRecorder,
    explainer: Explainer,
  ) {
    this.#recorder = recorder
    this.#explainer = explainer
    this.#emitter = emitter
    this.#clock = clock
    this.#page = page
    this.#onError = onError
  }

  /** One of the library's own, who are told without payloads. A second time does nothing. */
  add(observer: RequestObserver): void {
    if (!this.#observers.includes(observer)) this.#observers = [...this.#observers, observer]
  }

  remove(observer: RequestObserver): void {
    this.#observers = this.#observers.filter((each) => each !== observer)
  }

  /** A request has come. */
  started(x: Exchange): void {
    const { req: request, res: response } = x
    const emitter = this.#emitter
    for (const observer of this.#observers) observer.started?.(x)
    if (emitter.has('start'))
      emitter.emit('start', { upstream: emitter.upstream, request, response })
  }

  /** An attempt is about to be made: listeners may still add to its head. */
  attemptStarted(x: Exchange, attempt: PreparedAttempt, again: boolean): void {
    const emitter = this.#emitter
    for (const observer of this.#observers) observer.attemptStarted?.(x, attempt, again)
    if (!emitter.has('attemptStart')) return
    let isOver = false
    emitter.emit('attemptStart', {
      upstream: emitter.upstream,
      request: x.req,
      response: x.res,
      peer: attempt.peer,
      number: x.attempts.indexOf(attempt.record) + 1,
      again,
      setHeader(name, value) {
        if (isOver) throw new Error('setHeader: the attempt has begun')
        setAttemptHeader(attempt, name, value)
      },
    })
    isOver = true
  }

  /** An attempt has come to its end; a second call for it does nothing. */
  attemptEnded(x: Exchange, record: AttemptRecord): void {
    const emitter = this.#emitter
    if (record.ended || !this.#followsAttempts()) return
    record.ended = true
    for (const observer of this.#observers) observer.attemptEnded?.(x, record)
    if (!emitter.has('attemptEnd')) return
    emitter.emit('attemptEnd', {
      upstream: emitter.upstream,
      request: x.req,
      response: x.res,
      peer: record.peer,
      number: x.attempts.indexOf(record) + 1,
      attempt: record.summary(x.startedAt),
    })
  }

  queued(x: Exchange, outcome: QueueEvent['outcome'], waited: number): void {
    const emitter = this.#emitter
    for (const observer of this.#observers) observer.queued?.(x, outcome, waited)
    if (emitter.has('queue'))
      emitter.emit('queue', { upstream: emitter.upstream, request: x.req, outcome, waited })
  }

  upgraded(
    x: Exchange,
    peer: Peer,
    protocol: string,
    state: UpgradeEvent['state'],
    duration: number,
  ): void {
    const emitter = this.#emitter
    for (const observer of this.#observers) observer.upgraded?.(x, state)
    if (!emitter.has('upgrade')) return
    const { upstream } = emitter
    const { req: request } = x
    emitter.emit('upgrade', { upstream, request, peer, protocol, state, duration })
  }

  /** What was the matter with an attempt, and what is done about it, is in its record. */
  judged(x: Exchange, peer: Peer, record: AttemptRecord): void {
    const emitter = this.#emitter
    const { upstream } = emitter
    const { condition, decision, why } = record
    for (const observer of this.#observers) observer.judged?.(x, record)
    if (condition !== undefined && decision !== undefined && emitter.has('next'))
      emitter.emit('next', { upstream, request: x.req, peer, condition, decision, why })
    if (record.marked) {
      const attempt = record.summary(x.startedAt)
      const { method } = x
      this.#recorder.marked(peer, { method, path: shownPath(x), peer: peer.name, attempt })
    }
    if (record.failure !== undefined) this.attemptEnded(x, record)
  }

  /** Ends the request with an answer of our own; with none to a client that has left. */
  failed(
    x: Exchange,
    code: ErrorCode,
    message: string,
    details: { status: number; cause?: unknown; retryAfter?: number },
  ): void {
    const facts = this.#explainer.factsOf(x, code, message, details.status)
    const { attempts, broken, peers, method, path } = facts
    const explain = (): Explanation => explanationOf(facts)
    const error = new BalancerError(code, message, { ...details, attempts, explain })
    x.error = error
    for (const observer of this.#observers) observer.failed?.(x, error)
    this.#recorder.failed({ code, attempts, broken, peers, method, path })
    if (this.#emitter.has('error')) this.#emitter.emit('error', error)
    if (x.res.destroyed || x.res.writableEnded) return
    // A response that somebody else has begun is theirs to end.
    if (x.res.headersSent && !x.relaying) return
    if (this.#onError === undefined || x.res.headersSent) {
      this.#writePage(x, error)
      return
    }
    this.#callOnError(this.#onError, x, error)
  }

  finished(x: Exchange): void {
    const emitter = this.#emitter
    this.#endAttempts(x)
    if (this.#observers.length > 0) {
      const duration = this.#clock.now() - x.startedAt
      for (const observer of this.#observers) observer.finished?.(x, statusOf(x), duration)
    }
    if (emitter.has('finish')) {
      emitter.emit('finish', {
        upstream: emitter.upstream,
        request: x.req,
        response: x.res,
        status: statusOf(x),
        attempts: summariesOf(x),
        duration: this.#clock.now() - x.startedAt,
        waited: x.waited,
        error: x.error,
      })
    }
    this.#recorder.finished(x.error)
    if (logRequest.enabled) logRequest('%s', this.#line(x))
  }

  #followsAttempts(): boolean {
    return this.#observers.length > 0 || this.#emitter.has('attemptEnd')
  }

  #endAttempts(x: Exchange): void {
    const { firstAttempt } = x
    if (firstAttempt === undefined || !this.#followsAttempts()) return
    this.attemptEnded(x, firstAttempt)
    for (const record of x.laterAttempts) this.attemptEnded(x, record)
  }

  #writePage(x: Exchange, error: BalancerError): void {
    try {
      writeErrorPage(x.res, error, x.lastFailure?.type, this.#page)
    } catch {
      // What middleware has set cannot be written: better no answer than a request that hangs.
      breakOff(x.res)
    }
  }

  #callOnError(onError: OnError, x: Exchange, error: BalancerError): void {
    try {
      onError(error, x.req, x.res)
    } catch {
      if (x.res.headersSent) {
        breakOff(x.res)
        return
      }
      x.res.statusCode = 500
      x.res.end()
    }
  }

  /** `GET /a 502 in 12 ms: 10.0.0.1:80 connection_refused in connect 1 ms > 10.0.0.2:80 … [ERR_…: text]` */
  #line(x: Exchange): string {
    const trail = x.attempts
      .map(
        (attempt) =>
          `${attempt.name} ${attempt.outcome} ${Math.max(0, attempt.responseTime).toFixed(0)} ms`,
      )
      .join(' > ')
    const duration = (this.#clock.now() - x.startedAt).toFixed(0)
    const error = x.error === undefined ? '' : ` [${x.error.code}: ${x.error.message}]`
    return `${x.method} ${x.url} ${String(statusOf(x))} in ${duration} ms: ${trail}${error}`
  }
}

function summariesOf(x: Exchange): AttemptSummary[] {
  return x.attempts.map((attempt) => attempt.summary(x.startedAt))
}

function statusOf(x: Exchange): number {
  return x.error?.code === 'ERR_CLIENT_CLOSED' ? 499 : x.res.statusCode
}
