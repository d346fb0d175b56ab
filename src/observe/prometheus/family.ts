/** One metric as prom-client's registry keeps it: what is counted elsewhere is handed over when it is asked for. */
import type { MetricDefinition, MetricType } from './definition.js'
import { Samples } from './samples.js'
import type { Sample } from './samples.js'
import type { UpstreamCounts } from './upstream-counts.js'

export class MetricFamily {
  /** prom-client takes `_total` off it for OpenMetrics. */
  name: string
  readonly help: string
  readonly type: MetricType
  readonly aggregator: string
  readonly fullName: string
  readonly #definition: MetricDefinition
  readonly #upstreams = new Set<UpstreamCounts>()

  constructor(definition: MetricDefinition, prefix: string) {
    this.#definition = definition
    this.fullName = prefix + definition.name
    this.name = this.fullName
    this.help = definition.help
    this.type = definition.type
    this.aggregator = definition.aggregator
  }

  get upstreams(): ReadonlySet<UpstreamCounts> {
    return this.#upstreams
  }

  add(upstream: UpstreamCounts): void {
    this.#upstreams.add(upstream)
  }

  remove(upstream: UpstreamCounts): void {
    this.#upstreams.delete(upstream)
  }

  /** Called by the registry; a promise because prom-client's own return one. */
  get(): Promise<object> {
    const { name, help, type, aggregator } = this
    return Promise.resolve({ name, help, type, aggregator, values: this.#values() })
  }

  /** For `resetMetrics` of a registry: what the balancers have counted is not the registry's to forget. */
  reset(): void {
    // Nothing.
  }

  #values(): Sample[] {
    const values: Sample[] = []
    const { labels } = this.#definition
    for (const counts of this.#upstreams) {
      const base = { upstream: counts.registry.name }
      this.#definition.read(counts, new Samples(this.fullName, labels, base, values))
    }
    return values
  }
}
