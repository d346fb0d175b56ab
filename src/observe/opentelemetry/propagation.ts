/** From the client's header to a context, and from a context to what one attempt sends. */
import { isSpanContextValid, trace } from '@opentelemetry/api'
import type { Context, Span, TextMapGetter, TextMapSetter } from '@opentelemetry/api'
import type { IncomingMessage } from 'node:http'
import { deleteAttemptHeader, setAttemptHeader } from '../../attempt-header.js'
import type { PreparedAttempt } from '../../prepared-attempt.js'
import type { PropagatorLike } from './options.js'

type Headers = IncomingMessage['headers']

const GETTER: TextMapGetter<Headers> = {
  get: (headers, key) => headers[key.toLowerCase()],
  keys: (headers) => Object.keys(headers),
}

/** Where a request belongs in a trace. */
export class Origin {
  /** What the spans of its attempts are children of. */
  readonly context: Context
  /** A span was active when the balancer was called: whatever the client says of traces, somebody has seen to. */
  readonly isActive: boolean
  /** The client has sent a trace of its own, which is passed on as it is where nothing is recorded. */
  readonly isClients: boolean

  constructor(active: Context, headers: Headers, propagator: PropagatorLike) {
    this.isActive = hasTrace(active)
    this.context = this.isActive ? active : (propagator.extract(active, headers, GETTER) as Context)
    this.isClients = !this.isActive && hasTrace(this.context)
  }
}

/** Fields that are replaced as a whole: what is left of the client's would belong to another trace. */
export class Injector implements TextMapSetter<PreparedAttempt> {
  readonly #propagator: PropagatorLike
  #written: string[] = []

  constructor(propagator: PropagatorLike) {
    this.#propagator = propagator
  }

  /** Nothing recorded, and nothing that we know of: then the client's own trace goes by untouched. */
  inject(origin: Origin, span: Span, attempt: PreparedAttempt): void {
    if (!isSpanContextValid(span.spanContext())) return
    if (origin.isClients && !span.isRecording()) return
    this.#written = []
    this.#propagator.inject(trace.setSpan(origin.context, span), attempt, this)
    if (this.#written.length === 0) return
    for (const field of this.#propagator.fields())
      // Baggage is no part of a trace (W3C Baggage): what nobody has put another in the place of goes on.
      if (field !== 'baggage' && !this.#written.includes(field)) deleteAttemptHeader(attempt, field)
  }

  set(attempt: PreparedAttempt, key: string, value: string): void {
    setAttemptHeader(attempt, key, value)
    this.#written.push(key)
  }
}

function hasTrace(context: Context): boolean {
  const spanContext = trace.getSpanContext(context)
  return spanContext !== undefined && isSpanContextValid(spanContext)
}
