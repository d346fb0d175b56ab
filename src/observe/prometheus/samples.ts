/** The values of one metric, as prom-client is given them. */
import type { Histogram } from './histogram.js'
import type { Tally } from './tally.js'

export interface Sample {
  readonly value: number
  readonly labels: Readonly<Record<string, string | number>>
  /** Where it is not the metric's own: those of a histogram. */
  readonly metricName?: string
}

export class Samples {
  readonly #all: Sample[]
  readonly #name: string
  readonly #labels: readonly string[]
  readonly #base: Readonly<Record<string, string>>

  constructor(
    name: string,
    labels: readonly string[],
    base: Readonly<Record<string, string>>,
    all: Sample[],
  ) {
    this.#name = name
    this.#labels = labels
    this.#base = base
    this.#all = all
  }

  /** The same, for one peer. */
  of(peer: string): Samples {
    return new Samples(this.#name, this.#labels, { ...this.#base, peer }, this.#all)
  }

  add(value: number, ...values: readonly string[]): void {
    this.#all.push({ value, labels: this.#labelled(values) })
  }

  /** One series for each value of the label, whether it has been seen or not: rates need to begin at 0. */
  addAll(tally: Tally, values: readonly string[]): void {
    for (const [i, value] of values.entries()) this.add(tally.at(i), value)
  }

  /** Those that have been seen: of two labels together there may be many. */
  addSeen(tally: Tally, values: readonly (readonly string[])[]): void {
    for (const [i, labels] of values.entries()) {
      const count = tally.at(i)
      if (count > 0) this.add(count, ...labels)
    }
  }

  addHistogram(histogram: Histogram, ...values: readonly string[]): void {
    const labels = this.#labelled(values)
    const cumulative = histogram.cumulative()
    const count = cumulative.at(-1) ?? 0
    for (const [i, bound] of histogram.bounds.entries())
      this.#part('bucket', cumulative[i] ?? 0, { ...labels, le: bound })
    this.#part('bucket', count, { ...labels, le: '+Inf' })
    this.#part('sum', histogram.sum, labels)
    this.#part('count', count, labels)
  }

  #part(suffix: string, value: number, labels: Sample['labels']): void {
    this.#all.push({ value, labels, metricName: `${this.#name}_${suffix}` })
  }

  #labelled(values: readonly string[]): Record<string, string> {
    const labels: Record<string, string> = { ...this.#base }
    for (const [i, name] of this.#labels.entries()) labels[name] = values[i] ?? ''
    return labels
  }
}
