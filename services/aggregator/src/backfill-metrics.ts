import { Counter, Gauge, Histogram, type Registry } from '@millrace/service-kit/metrics'

export interface BackfillMetrics {
  readonly readings: Counter
  readonly chunkSeconds: Histogram
}

const prefix = 'millrace_aggregator_backfill_'

export function createBackfillMetrics(registry: Registry, unfinished: () => number): BackfillMetrics {
  const registers = [registry]
  new Gauge({
    name: `${prefix}unfinished`,
    help: 'meters whose stored events are not all counted yet',
    registers,
    collect() {
      this.set(unfinished())
    },
  })
  return {
    readings: new Counter({
      name: `${prefix}readings_total`,
      help: 'readings taken off stored events for new meters',
      registers,
    }),
    chunkSeconds: new Histogram({
      name: `${prefix}chunk_seconds`,
      help: 'from reading a chunk of stored events until its readings have landed',
      buckets: [0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30],
      registers,
    }),
  }
}
