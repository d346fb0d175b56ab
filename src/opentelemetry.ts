/** `evenkeel/opentelemetry`: traces. Needs the package `@opentelemetry/api`, 1.9, which is yours to install. */
export type { ObservedBalancer } from './observe/observed-balancer.js'
export type {
  PropagatorLike,
  TraceOptions,
  TracerLike,
  TracerProviderLike,
  Tracing,
} from './observe/opentelemetry/options.js'
export { traceBalancer } from './observe/opentelemetry/trace-balancer.js'
