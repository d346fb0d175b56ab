/** Counts what balancers do, and lets prom-client show it. */
import { register } from 'prom-client'
import type { Listener } from '../../events.js'
import { internalsOf } from '../internals.js'
import type { BalancerInternals } from '../internals.js'
import type { ObservedBalancer } from '../observed-balancer.js'
import { METRICS } from './definitions.js'
import { MetricFamily } from './family.js'
import { metricsHandler } from './handler.js'
import { resolveMetricsOptions } from './options.js'
import type { Metrics, MetricsOptions, MetricsRegistry, MetricsSettings } from './options.js'
import { UpstreamCounts } from './upstream-counts.js'

/**
 * Counts from now on. Balancers that share an upstream belong in one call. Upstreams are told apart by their names.
 * @example
 * const metrics = collectMetrics(balancer)
 * app.get('/metrics', metrics.handler)
 * @throws {TypeError} for options that could not be used, for upstreams with the same name, and for what is no balancer;
 * {@link Error} where the registry has a metric of that name that is none of ours.
 */
export function collectMetrics(
  balancers: ObservedBalancer | readonly ObservedBalancer[],
  options: MetricsOptions = {},
): Metrics {
  const settings = resolveMetricsOptions(options)
  const { registry = register } = options
  const given = 'on' in balancers ? [balancers] : [...new Set(balancers)]
  const families = familiesOf(registry, settings.prefix)
  const upstreams = countsOf(
    given.map((balancer) => internalsOf(balancer)),
    settings,
  )
  refuseSameNames([...upstreams, ...(families[0]?.upstreams ?? [])])
  const stops = given.map((balancer) => follow(balancer, upstreams))
  for (const upstream of upstreams) upstream.registry.observers.add(upstream)
  for (const family of families) {
    for (const upstream of upstreams) family.add(upstream)
    registry.registerMetric(family)
  }
  return {
    registry,
    metrics: () => registry.metrics(),
    handler: metricsHandler(registry),
    close() {
      for (const stop of stops) stop()
      for (const upstream of upstreams) upstream.registry.observers.delete(upstream)
      for (const family of families) {
        for (const upstream of upstreams) family.remove(upstream)
        if (family.upstreams.size === 0) removeFrom(registry, family)
      }
    },
  }
}

/** Those that the registry has already, of an earlier call, or new ones. */
function familiesOf(registry: MetricsRegistry, prefix: string): MetricFamily[] {
  return METRICS.map((definition) => {
    const name = prefix + definition.name
    const known = registry.getSingleMetric(name)
    if (known instanceof MetricFamily) return known
    if (known === undefined) return new MetricFamily(definition, prefix)
    throw new Error(`collectMetrics: the registry has another metric "${name}": give a prefix`)
  })
}

function countsOf(
  balancers: readonly BalancerInternals[],
  settings: MetricsSettings,
): UpstreamCounts[] {
  const upstreams = new Map<object, UpstreamCounts>()
  for (const internals of new Set(balancers)) {
    const { registry } = internals
    const counts = upstreams.get(registry) ?? new UpstreamCounts(registry, settings)
    upstreams.set(registry, counts)
    counts.balancers.push(internals)
  }
  return [...upstreams.values()]
}

function refuseSameNames(upstreams: readonly UpstreamCounts[]): void {
  const names = new Set<string>()
  for (const { registry } of upstreams) {
    if (names.has(registry.name))
      throw new TypeError(
        `collectMetrics: there are two upstreams "${registry.name}": give each a name of its own, or those that are the same in one call`,
      )
    names.add(registry.name)
  }
}

/** Returns what ends it. */
function follow(balancer: ObservedBalancer, upstreams: readonly UpstreamCounts[]): () => void {
  const { reporter, registry } = internalsOf(balancer)
  const counts = upstreams.find((each) => each.registry === registry)
  if (counts === undefined) return () => undefined
  const onIncident: Listener<'incident'> = ({ incident, state }) => {
    counts.incident(incident, state)
  }
  const onWarning: Listener<'warning'> = ({ warning }) => {
    counts.warned(warning)
  }
  reporter.add(counts)
  balancer.on('incident', onIncident)
  balancer.on('warning', onWarning)
  return () => {
    balancer.off('incident', onIncident)
    balancer.off('warning', onWarning)
    reporter.remove(counts)
  }
}

function removeFrom(registry: MetricsRegistry, family: MetricFamily): void {
  if (registry.getSingleMetric(family.fullName) === family)
    registry.removeSingleMetric(family.fullName)
}
