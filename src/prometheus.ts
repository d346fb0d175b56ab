/** `evenkeel/prometheus`: metrics. Needs the package `prom-client`, 15, which is yours to install. */
export { collectMetrics } from './observe/prometheus/collect-metrics.js'
export type { ObservedBalancer } from './observe/observed-balancer.js'
export type {
  FastifyMetricsReply,
  Metrics,
  MetricsHandler,
  MetricsOptions,
  MetricsRegistry,
} from './observe/prometheus/options.js'
