/** A client span for each attempt of a balancer's requests. */
import { propagation, trace } from '@opentelemetry/api'
import type { Context, TextMapGetter, TextMapSetter, Tracer } from '@opentelemetry/api'
import { internalsOf } from '../internals.js'
import type { ObservedBalancer } from '../observed-balancer.js'
import type { PropagatorLike, TraceOptions, Tracing } from './options.js'
import { Injector } from './propagation.js'
import { TracedTransport } from './traced-transport.js'
import { TracingObserver } from './tracing.js'
import { secretParameters } from './url.js'

/** Whichever it is by then. */
const GLOBAL_PROPAGATOR: PropagatorLike = {
  inject(context, carrier, setter) {
    propagation.inject(context as Context, carrier, setter as TextMapSetter)
  },
  extract: (context, carrier, getter) =>
    propagation.extract(context as Context, carrier, getter as TextMapGetter),
  fields: () => propagation.fields(),
}

/**
 * Traces the requests that come from now on.
 * @example
 * const tracing = traceBalancer(balancer)
 * @throws {TypeError} for what is no balancer, and for one that is traced already.
 */
export function traceBalancer(balancer: ObservedBalancer, options: TraceOptions = {}): Tracing {
  const { carrier, reporter, registry } = internalsOf(balancer)
  if (carrier.transport instanceof TracedTransport)
    throw new TypeError('traceBalancer: the balancer is traced already')
  const { tracerProvider = trace } = options
  const { tracer = tracerProvider.getTracer('evenkeel') } = options
  const propagator = options.propagator ?? GLOBAL_PROPAGATOR
  const settings = {
    tracer: tracer as Tracer,
    injector: new Injector(propagator),
    secrets: secretParameters(options.redactQuery),
    upstream: registry.name,
  }
  const observer = new TracingObserver(settings, propagator, () => {
    reporter.remove(observer)
    carrier.transport = inner
  })
  const inner = carrier.transport
  carrier.transport = new TracedTransport(inner, (attempt) => observer.contextOf(attempt))
  reporter.add(observer)
  return {
    close() {
      observer.close()
    },
  }
}
