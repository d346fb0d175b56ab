/** An OpenTelemetry SDK that keeps its spans in memory, with contexts that follow promises. */
import { context, propagation, SpanStatusCode, trace } from '@opentelemetry/api'
import type { Context, Span, Tracer } from '@opentelemetry/api'
import { AsyncLocalStorageContextManager } from '@opentelemetry/context-async-hooks'
import {
  CompositePropagator,
  W3CBaggagePropagator,
  W3CTraceContextPropagator,
} from '@opentelemetry/core'
import {
  AlwaysOnSampler,
  BasicTracerProvider,
  InMemorySpanExporter,
  SimpleSpanProcessor,
} from '@opentelemetry/sdk-trace-base'
import type { ReadableSpan, Sampler } from '@opentelemetry/sdk-trace-base'
import { onTestFinished } from 'vitest'

export interface Spans {
  readonly provider: BasicTracerProvider
  /** For the spans of the test itself. */
  readonly tracer: Tracer
  /** Spans that were started and are not ended. */
  readonly open: ReadonlySet<string>
  /** Ids of spans in the order of their ends: one that is in it twice was ended twice. */
  readonly ended: readonly string[]
  /** Those of the balancer, by number of the attempt, in the order of their ends. */
  readonly attempts: readonly ReadableSpan[]
  readonly all: readonly ReadableSpan[]
}

const propagator = new CompositePropagator({
  propagators: [new W3CTraceContextPropagator(), new W3CBaggagePropagator()],
})

export function spans(sampler: Sampler = new AlwaysOnSampler()): Spans {
  const exporter = new InMemorySpanExporter()
  const open = new Set<string>()
  const ended: string[] = []
  const watch = {
    onStart: (span: Span) => {
      const { spanId } = span.spanContext()
      open.add(spanId)
      // The SDK lets nobody hear of a second end.
      const end = span.end.bind(span)
      span.end = (time) => {
        ended.push(spanId)
        open.delete(spanId)
        end(time)
      }
    },
    onEnd: () => undefined,
    forceFlush: () => Promise.resolve(),
    shutdown: () => Promise.resolve(),
  }
  const provider = new BasicTracerProvider({
    sampler,
    spanProcessors: [watch, new SimpleSpanProcessor(exporter)],
  })
  const manager = new AsyncLocalStorageContextManager()
  context.setGlobalContextManager(manager.enable())
  propagation.setGlobalPropagator(propagator)
  onTestFinished(() => {
    context.disable()
    propagation.disable()
  })
  return {
    provider,
    tracer: provider.getTracer('test'),
    open,
    ended,
    get all() {
      return exporter.getFinishedSpans()
    },
    get attempts() {
      return exporter
        .getFinishedSpans()
        .filter(({ instrumentationScope }) => instrumentationScope.name === 'evenkeel')
    },
  }
}

/** Runs in the context of a span of its own, as behind an instrumented server. */
export function within<T>(tracer: Tracer, name: string, run: (span: Span, ctx: Context) => T): T {
  const span = tracer.startSpan(name, {}, context.active())
  const ctx = trace.setSpan(context.active(), span)
  return context.with(ctx, () => run(span, ctx))
}

/** `00-trace-span-flags`. */
export function traceparentOf(span: ReadableSpan | Span): string {
  const { traceId, spanId, traceFlags } = span.spanContext()
  return `00-${traceId}-${spanId}-0${String(traceFlags)}`
}

export function isError({ status }: ReadableSpan): boolean {
  return status.code === SpanStatusCode.ERROR
}
