/** Follows the requests of a balancer with spans. */
import { context, diag } from '@opentelemetry/api'
import type { Context } from '@opentelemetry/api'
import type { AttemptRecord } from '../../attempt-record.js'
import type { Exchange } from '../../exchange.js'
import type { PreparedAttempt } from '../../prepared-attempt.js'
import type { RequestObserver } from '../request-observer.js'
import type { PropagatorLike } from './options.js'
import { Origin } from './propagation.js'
import { RequestTrace } from './request-trace.js'
import type { SpanSettings } from './request-trace.js'

export class TracingObserver implements RequestObserver {
  readonly #settings: SpanSettings
  readonly #propagator: PropagatorLike
  readonly #onIdle: () => void
  readonly #running = new Map<Exchange, RequestTrace>()
  /** For the transport, which knows no requests. */
  readonly #contexts = new WeakMap<object, Context>()
  #isClosed = false

  /** `onIdle`: called when it is closed and the last request is over. */
  constructor(settings: SpanSettings, propagator: PropagatorLike, onIdle: () => void) {
    this.#settings = settings
    this.#propagator = propagator
    this.#onIdle = onIdle
  }

  /** The context of the request that the attempt belongs to; undefined: it is not traced. */
  contextOf(attempt: object): Context | undefined {
    return this.#contexts.get(attempt)
  }

  started(x: Exchange): void {
    if (this.#isClosed) return
    guarded(() => {
      const origin = new Origin(context.active(), x.req.headers, this.#propagator)
      this.#running.set(x, new RequestTrace(this.#settings, origin))
    })
  }

  attemptStarted(x: Exchange, attempt: PreparedAttempt, again: boolean): void {
    const trace = this.#running.get(x)
    if (trace === undefined) return
    this.#contexts.set(attempt, trace.context)
    guarded(() => {
      trace.attemptStarted(attempt, again)
    })
  }

  judged(x: Exchange, record: AttemptRecord): void {
    guarded(() => this.#running.get(x)?.judged(record))
  }

  attemptEnded(x: Exchange, record: AttemptRecord): void {
    guarded(() => this.#running.get(x)?.attemptEnded(x, record))
  }

  queued(x: Exchange, outcome: string, waited: number): void {
    guarded(() => this.#running.get(x)?.queued(outcome, waited))
  }

  finished(x: Exchange): void {
    guarded(() => this.#running.get(x)?.finished(x))
    this.#running.delete(x)
    this.#idle()
  }

  close(): void {
    if (this.#isClosed) return
    this.#isClosed = true
    this.#idle()
  }

  #idle(): void {
    if (this.#isClosed && this.#running.size === 0) this.#onIdle()
  }
}

/** What an SDK, a sampler or a propagator throws must not cost a client its answer. */
function guarded(run: () => void): void {
  try {
    run()
  } catch (error) {
    diag.error('evenkeel: tracing failed', error)
  }
}
