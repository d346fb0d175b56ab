/** Tells what happened: the error answer, the events, one log line a request. */
import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Clock } from './clock.js'
import { logRequest } from './debug.js'
import { BalancerError } from './errors.js'
import type { ErrorCode } from './errors.js'
import type { BalancerEmitter, NextEvent } from './events.js'
import type { Exchange } from './exchange.js'
import { writeErrorPage } from './message/error-page.js'
import type { ErrorPageSettings } from './message/error-page.js'
import { breakOff } from './message/relay.js'
import type { WhyNoNext } from './next-upstream/decide.js'
import type { AttemptCondition } from './next-upstream/condition.js'
import type { Peer } from './upstream/peer.js'

/** `options.onError`. */
export type OnError = (
  error: BalancerError,
  request: IncomingMessage,
  response: ServerResponse,
) => void

export class Reporter {
  readonly #emitter: BalancerEmitter
  readonly #clock: Clock
  readonly #page: ErrorPageSettings
  readonly #onError: OnError | undefined

  constructor(
    emitter: BalancerEmitter,
    clock: Clock,
    page: ErrorPageSettings,
    onError: OnError | undefined,
  ) {
    this.#emitter = emitter
    this.#clock = clock
    this.#page = page
    this.#onError = onError
  }

  decided(
    x: Exchange,
    peer: Peer,
    condition: AttemptCondition,
    decision: NextEvent['decision'],
    why: WhyNoNext | undefined,
  ): void {
    if (this.#emitter.has('next'))
      this.#emitter.emit('next', { request: x.req, peer, condition, decision, why })
  }

  /** Ends the request with an answer of our own; with none to a client that has left. */
  failed(
    x: Exchange,
    code: ErrorCode,
    message: string,
    details: { status: number; cause?: unknown; retryAfter?: number },
  ): void {
    const attempts = x.attempts.map((attempt) => attempt.summary())
    const error = new BalancerError(code, message, { ...details, attempts })
    x.error = error
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
    if (this.#emitter.has('finish')) {
      this.#emitter.emit('finish', {
        request: x.req,
        response: x.res,
        status: statusOf(x),
        attempts: x.attempts.map((attempt) => attempt.summary()),
        duration: this.#clock.now() - x.startedAt,
        error: x.error,
      })
    }
    if (logRequest.enabled) logRequest('%s', this.#line(x))
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

function statusOf(x: Exchange): number {
  return x.error?.code === 'ERR_CLIENT_CLOSED' ? 499 : x.res.statusCode
}
