/** The spans of one request. */
import { SpanKind, trace } from '@opentelemetry/api'
import type { Context, Link, Span, Tracer } from '@opentelemetry/api'
import type { AttemptRecord } from '../../attempt-record.js'
import type { BalancerError } from '../../errors.js'
import type { Exchange } from '../../exchange.js'
import type { PreparedAttempt } from '../../prepared-attempt.js'
import { describeEnd, spanName, startAttributes } from './attributes.js'
import type { Injector, Origin } from './propagation.js'
import type { SecretParameters } from './url.js'

export interface SpanSettings {
  readonly tracer: Tracer
  readonly injector: Injector
  readonly secrets: SecretParameters
  /** Name of the upstream. */
  readonly upstream: string
}

class AttemptSpan {
  readonly record: AttemptRecord
  readonly span: Span
  isOver = false

  constructor(record: AttemptRecord, span: Span) {
    this.record = record
    this.span = span
  }
}

export class RequestTrace {
  readonly #settings: SpanSettings
  readonly #origin: Origin
  /** In the order of their starts. */
  readonly #attempts: AttemptSpan[] = []
  /** Milliseconds in the queue since the attempt before. */
  #waited = 0

  constructor(settings: SpanSettings, origin: Origin) {
    this.#settings = settings
    this.#origin = origin
  }

  /** What was active when the balancer was called, or what the client's header says. */
  get context(): Context {
    return this.#origin.context
  }

  attemptStarted(attempt: PreparedAttempt, again: boolean): void {
    const { tracer, injector, upstream, secrets } = this.#settings
    const number = this.#attempts.length + 1
    const attributes = startAttributes(attempt, upstream, number, secrets)
    if (again) attributes['evenkeel.attempt.again'] = true
    if (this.#attempts.some(({ isOver }) => !isOver)) attributes['evenkeel.attempt.hedged'] = true
    if (this.#waited > 0) attributes['evenkeel.queue.waited_ms'] = this.#waited
    this.#waited = 0
    const options = { kind: SpanKind.CLIENT, attributes, links: this.#links() }
    const span = tracer.startSpan(spanName(attempt.head.method), options, this.#origin.context)
    this.#attempts.push(new AttemptSpan(attempt.record, span))
    injector.inject(this.#origin, span, attempt)
  }

  judged(record: AttemptRecord): void {
    const attempt = this.#find(record)
    if (attempt === undefined) return
    const { span } = attempt
    const { condition, decision, why, marked } = record
    if (span.isRecording()) {
      if (marked) span.addEvent('evenkeel.eject', { 'evenkeel.peer': record.name })
      span.addEvent('evenkeel.next', {
        ...(condition !== undefined && { 'evenkeel.condition': condition }),
        ...(decision !== undefined && { 'evenkeel.decision': decision }),
        ...(why !== undefined && { 'evenkeel.why': why }),
      })
    }
    // Its response is held or dropped: nobody reads its body now.
    if (decision === 'next' || decision === 'again' || decision === 'wait')
      this.#end(attempt, undefined)
  }

  attemptEnded({ error }: Exchange, record: AttemptRecord): void {
    const attempt = this.#find(record)
    if (attempt !== undefined) this.#end(attempt, error)
  }

  queued(outcome: string, waited: number): void {
    this.#waited += waited
    if (outcome === 'joined') return
    this.#tellParent('evenkeel.queue', {
      'evenkeel.queue.outcome': outcome,
      'evenkeel.queue.waited_ms': waited,
    })
  }

  finished({ error }: Exchange): void {
    for (const attempt of this.#attempts) this.#end(attempt, error)
    if (error !== undefined) this.#tellParent('evenkeel.error', { 'evenkeel.code': error.code })
  }

  #end(attempt: AttemptSpan, error: BalancerError | undefined): void {
    if (attempt.isOver) return
    attempt.isOver = true
    const { span, record } = attempt
    try {
      if (span.isRecording()) describeEnd(span, record, error)
    } finally {
      span.end()
    }
  }

  #find(record: AttemptRecord): AttemptSpan | undefined {
    return this.#attempts.find((each) => each.record === record)
  }

  /** Each later try leads to those before it. */
  #links(): Link[] {
    return this.#attempts.map(({ span, record }) => ({
      context: span.spanContext(),
      attributes: { 'evenkeel.link': 'earlier_attempt', 'evenkeel.peer': record.name },
    }))
  }

  /** The server's span, where there is one here. */
  #tellParent(name: string, attributes: Record<string, string | number>): void {
    const parent = trace.getSpan(this.#origin.context)
    if (parent?.isRecording() === true) parent.addEvent(name, attributes)
  }
}
