import type { Histogram, Registry } from './metrics.ts'

/** A histogram whose time series are taken once and observed often. */
export interface LabelledHistogram<Labels extends Readonly<Record<string, string>>> {
  /** Another one with the same labels would be told as a second time series of the same name. */
  child(labels: Labels): HistogramChild
}

export interface HistogramChild {
  observe(value: number): void
}

class Child implements HistogramChild {
  readonly labels: Readonly<Record<string, string>>
  readonly #bounds: readonly number[]
  /** How many fell into each bucket alone; the last has no bound. */
  readonly #counts: Float64Array
  #sum = 0

  constructor(labels: Readonly<Record<string, string>>, bounds: readonly number[]) {
    this.labels = labels
    this.#bounds = bounds
    this.#counts = new Float64Array(bounds.length + 1)
  }

  observe(value: number): void {
    let bucket = 0
    while (bucket < this.#bounds.length && value > (this.#bounds[bucket] ?? 0)) bucket += 1
    this.#counts[bucket] = (this.#counts[bucket] ?? 0) + 1
    this.#sum += value
  }

  /** As the registry wants them. */
  samples(name: string) {
    const { labels } = this
    let total = 0
    const buckets = [...this.#counts].map((count, index) => {
      total += count
      const le = this.#bounds[index] ?? '+Inf'
      return { metricName: `${name}_bucket`, labels: { ...labels, le }, value: total }
    })
    return [
      ...buckets,
      { metricName: `${name}_sum`, labels, value: this.#sum },
      { metricName: `${name}_count`, labels, value: total },
    ]
  }

  reset(): void {
    this.#counts.fill(0)
    this.#sum = 0
  }
}

/** The library's own makes a text of the labels at each observation: a microsecond, where all else takes twenty. */
export function createLabelledHistogram<Labels extends Readonly<Record<string, string>>>(
  registry: Registry,
  {
    name,
    help,
    bounds,
  }: { readonly name: string; readonly help: string; readonly bounds: readonly number[] },
): LabelledHistogram<Labels> {
  const children: Child[] = []
  const metric = {
    name,
    help,
    type: 'histogram',
    aggregator: 'sum',
    get: async () => ({ ...metric, values: children.flatMap((child) => child.samples(name)) }),
    reset() {
      for (const child of children) child.reset()
    },
  }
  // The registry asks a metric for its name and its values; its type names the library's classes only.
  registry.registerMetric(metric as unknown as Histogram)
  return {
    child(labels) {
      const child = new Child(labels, bounds)
      children.push(child)
      return child
    },
  }
}
