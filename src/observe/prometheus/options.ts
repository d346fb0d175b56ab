/** What `collectMetrics` takes and gives. */
import type { IncomingMessage, ServerResponse } from 'node:http'
import { DEFAULT_BUCKETS } from './histogram.js'

/** What is used of prom-client's `Registry`. */
export interface MetricsRegistry {
  readonly contentType: string
  /** The exposition of all metrics in it. */
  metrics(): Promise<string>
  registerMetric(metric: object): void
  getSingleMetric(name: string): unknown
  removeSingleMetric(name: string): void
}

export interface MetricsOptions {
  /** A `Registry` of prom-client's. Default: its global one, `register`. */
  registry?: MetricsRegistry
  /** What all names begin with. Default `'evenkeel_'`. */
  prefix?: string
  /** Upper bounds of the histograms' buckets in seconds, ascending. Default: 15 from 1 ms to 60 s. */
  buckets?: readonly number[]
  /** Peers of an upstream that have series of their own; the rest are counted together, as `peer="other"`. Default 100. */
  maxPeers?: number
}

/** The part of a Fastify reply that is used; Fastify itself is not needed. */
export interface FastifyMetricsReply {
  header(name: string, value: string): unknown
}

/** For `GET /metrics`: a handler for `http`, Connect and Express. Errors go to `next` where there is one, else 500. */
export interface MetricsHandler {
  (req: IncomingMessage, res: ServerResponse, next?: (error?: unknown) => void): void
  /** A Fastify route handler. */
  fastify: (request: unknown, reply: FastifyMetricsReply) => Promise<string>
}

export interface Metrics {
  readonly registry: MetricsRegistry
  /** The exposition: of everything in the registry. */
  metrics(): Promise<string>
  readonly handler: MetricsHandler
  /** Counts no more, and takes the series out of the registry. Idempotent. */
  close(): void
}

export interface MetricsSettings {
  readonly prefix: string
  readonly bounds: Float64Array
  readonly maxPeers: number
}

/** @throws {TypeError} for what could not be used. */
export function resolveMetricsOptions({
  prefix = 'evenkeel_',
  buckets = DEFAULT_BUCKETS,
  maxPeers = 100,
}: MetricsOptions): MetricsSettings {
  // The data model of Prometheus; empty is no prefix.
  if (!/^(?:[a-zA-Z_:][a-zA-Z0-9_:]*)?$/.test(prefix))
    throw new TypeError('collectMetrics: prefix must be the beginning of a metric name')
  const isAscending = buckets.every((bound, i) => bound > (i === 0 ? 0 : (buckets[i - 1] ?? 0)))
  if (buckets.length === 0 || !isAscending || !buckets.every(Number.isFinite))
    throw new TypeError('collectMetrics: buckets must be ascending numbers above 0, in seconds')
  if (!Number.isInteger(maxPeers) || maxPeers < 1)
    throw new TypeError('collectMetrics: maxPeers must be a positive integer')
  return { prefix, bounds: Float64Array.from(buckets), maxPeers }
}
