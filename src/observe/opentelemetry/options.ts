/** What `traceBalancer` takes and gives; in the shapes of @opentelemetry/api. */

/** A `Tracer` of @opentelemetry/api. */
export interface TracerLike {
  startSpan(name: string, options?: object, context?: object): object
}

/** A `TracerProvider` of @opentelemetry/api. */
export interface TracerProviderLike {
  getTracer(name: string, version?: string, options?: object): TracerLike
}

/** A `TextMapPropagator` of @opentelemetry/api. */
export interface PropagatorLike {
  inject(context: object, carrier: unknown, setter: object): void
  extract(context: object, carrier: unknown, getter: object): object
  fields(): string[]
}

export interface TraceOptions {
  /** Makes the spans. Default: the provider's, by the name `evenkeel`. */
  tracer?: TracerLike
  /** Default: the global one. */
  tracerProvider?: TracerProviderLike
  /** Reads and writes `traceparent` and whatever else there is. Default: the global one. */
  propagator?: PropagatorLike
  /**
   * Parameters of the query whose values are not shown in `url.full`, besides those that the conventions name
   * (`AWSAccessKeyId`, `Signature`, `sig`, `X-Goog-Signature`). Case does not matter.
   */
  redactQuery?: readonly string[]
}

export interface Tracing {
  /** Requests that come from now on are not traced; those under way are, to their end. Idempotent. */
  close(): void
}
