/**
 * A transport in the context of a request. What it does itself is in no trace: instrumentations of `http` and undici would
 * make a second span for each attempt, and write a `traceparent` of their own over ours. What comes of an attempt goes on
 * in the context that the request came in, whoever's connection it came over: hooks find what was active.
 */
import { context, createContextKey } from '@opentelemetry/api'
import type { Context } from '@opentelemetry/api'
import type {
  AttemptResult,
  BodySink,
  UpstreamFailure,
  UpstreamResponse,
} from '../../next-upstream/attempt-result.js'
import type { Attempt, AttemptSignal, Settle, Transport } from '../../transport/transport.js'

/** As `suppressTracing` of @opentelemetry/core: keys of the same name are the same. */
const SUPPRESSED = createContextKey('OpenTelemetry SDK Context Key SUPPRESS_TRACING')

export class TracedTransport implements Transport {
  readonly name: string
  readonly inner: Transport
  /** Where the inner one has none, nobody may call it. */
  readonly start?: NonNullable<Transport['start']>
  readonly #contextOf: (attempt: object) => Context | undefined

  constructor(inner: Transport, contextOf: (attempt: object) => Context | undefined) {
    this.name = inner.name
    this.inner = inner
    this.#contextOf = contextOf
    if (inner.start === undefined) return
    this.start = (attempt, signal, settle) => {
      this.#start(attempt, signal, settle)
    }
  }

  /** A promise goes on in the context of whoever waits for it. */
  async roundTrip(attempt: Attempt, signal: AttemptSignal): Promise<AttemptResult> {
    const ours = this.#contextOf(attempt)
    if (ours === undefined) return this.inner.roundTrip(attempt, signal)
    const result = await context.with(suppressed(ours), () => this.inner.roundTrip(attempt, signal))
    return inContext(ours, result)
  }

  close(): Promise<void> {
    return this.inner.close()
  }

  #start(attempt: Attempt, signal: AttemptSignal, settle: Settle): void {
    const ours = this.#contextOf(attempt)
    if (ours === undefined) {
      this.inner.start?.(attempt, signal, settle)
      return
    }
    context.with(suppressed(ours), () => {
      this.inner.start?.(attempt, signal, (result) => {
        context.with(ours, settle, undefined, inContext(ours, result))
      })
    })
  }
}

function suppressed(ours: Context): Context {
  return ours.setValue(SUPPRESSED, true)
}

function inContext(ours: Context, result: AttemptResult): AttemptResult {
  // Nothing of it is still to come, or bytes that nobody looks at.
  if (result.kind !== 'response') return result
  const { response } = result
  if (response.isWhole === true || response.tunnel !== undefined) return result
  return { kind: 'response', response: new ContextResponse(ours, response) }
}

/** A response whose body arrives in the context of its request. */
class ContextResponse implements UpstreamResponse {
  readonly #context: Context
  readonly #response: UpstreamResponse

  constructor(ours: Context, response: UpstreamResponse) {
    this.#context = ours
    this.#response = response
  }

  get status(): number {
    return this.#response.status
  }

  get statusMessage(): string {
    return this.#response.statusMessage
  }

  get rawHeaders(): readonly string[] {
    return this.#response.rawHeaders
  }

  start(sink: BodySink): void {
    this.#response.start(new ContextSink(this.#context, sink))
  }

  resume(): void {
    this.#response.resume()
  }

  discard(): void {
    this.#response.discard()
  }
}

class ContextSink implements BodySink {
  readonly #context: Context
  readonly #sink: BodySink

  constructor(ours: Context, sink: BodySink) {
    this.#context = ours
    this.#sink = sink
  }

  data(chunk: Buffer): boolean {
    return context.with(this.#context, () => this.#sink.data(chunk))
  }

  end(rawTrailers: readonly string[]): void {
    context.with(this.#context, () => {
      this.#sink.end(rawTrailers)
    })
  }

  fail(failure: UpstreamFailure): void {
    context.with(this.#context, () => {
      this.#sink.fail(failure)
    })
  }
}
