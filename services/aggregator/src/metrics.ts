import { Counter, createMetrics, Gauge, Histogram, type Registry } from '@millrace/service-kit/metrics'

export interface AggregatorMetrics {
  readonly registry: Registry
  readonly rowsLanded: Counter<'table'>
  readonly repeatsDropped: Counter
  readonly eventsInvalid: Counter<'type'>
  readonly eventsUnregistered: Counter
  readonly recordsSkipped: Counter<'reason'>
  readonly valuesMissing: Counter
  readonly flushSeconds: Histogram
  readonly freshnessSeconds: Histogram
  readonly liveSeconds: Histogram
  readonly lagOffsets: Histogram
  readonly clockJumps: Counter
  readonly insertRetries: Counter<'code'>
  readonly commitRetries: Counter
  readonly offsetsMissing: Counter
  readonly catalogsMissing: Counter
  readonly fenced: Counter
  readonly producersLost: Counter
  readonly partitionsLost: Counter
}

/** What is read off the running service whenever the metrics are asked for. */
export interface MeasuredState {
  lag(): readonly { readonly partition: number; readonly records: number }[]
  seenIds(): { readonly ids: number; readonly bytes: number }
  liveCells(): number
}

const prefix = 'millrace_aggregator_'

export function createAggregatorMetrics(): AggregatorMetrics {
  const registry = createMetrics('aggregator')
  const registers = [registry]
  const counter = <Label extends string>(name: string, help: string, labelNames: Label[] = []) =>
    new Counter<Label>({ name: prefix + name, help, labelNames, registers })
  return {
    registry,
    rowsLanded: counter('rows_landed_total', 'rows inserted into ClickHouse', ['table']),
    repeatsDropped: counter('repeats_dropped_total', 'events dropped because their id was there already'),
    eventsInvalid: counter('events_invalid_total', 'events that are not valid, by type', ['type']),
    eventsUnregistered: counter(
      'events_unregistered_total',
      'events of a type that the catalog does not know (any more): no schema judges them',
    ),
    recordsSkipped: counter('records_skipped_total', 'records of millrace.events without effect', ['reason']),
    valuesMissing: counter('values_missing_total', 'readings not taken because the event has no such number'),
    flushSeconds: new Histogram({
      name: `${prefix}flush_seconds`,
      help: 'from a batch’s first commit to its last',
      buckets: [0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30],
      registers,
    }),
    freshnessSeconds: new Histogram({
      name: `${prefix}freshness_seconds`,
      help: 'from the receipt of a batch’s oldest event until the batch can be queried',
      buckets: [0.05, 0.1, 0.25, 0.5, 0.75, 1, 2.5, 5, 10, 30, 60, 300, 3_600],
      registers,
    }),
    liveSeconds: new Histogram({
      name: `${prefix}live_seconds`,
      help: 'from the receipt of a message’s oldest event until it is in the live view, which is pushed ten times a second',
      buckets: [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60],
      registers,
    }),
    lagOffsets: new Histogram({
      name: `${prefix}lag_offsets`,
      help: 'messages of millrace.events behind the end, of each assigned partition four times a second',
      buckets: [0, 10, 100, 1_000, 10_000, 100_000, 1_000_000],
      registers,
    }),
    insertRetries: counter(
      'insert_retries_total',
      'inserts that failed and were repeated, by ClickHouse’s error code (252 too many parts, 241 memory, 243 disk, 164 read-only) or "none"',
      ['code'],
    ),
    clockJumps: counter('clock_jumps_total', 'times that this machine’s clock went back, or ahead by itself'),
    commitRetries: counter('commit_retries_total', 'offset commits that failed and were repeated'),
    catalogsMissing: counter(
      'catalogs_missing_total',
      'pending ranges judged by the newest catalog because theirs is gone',
    ),
    fenced: counter(
      'fenced_total',
      'times that another instance had taken a partition up behind this one’s back',
    ),
    producersLost: counter(
      'producers_lost_total',
      'times that a partition’s commits needed a new producer: the Kafka client did not return from a call, or broke',
    ),
    partitionsLost: counter('partitions_lost_total', 'partitions that the group took away without asking'),
    offsetsMissing: counter('offsets_missing_total', 'times that offsets to be read were gone from Kafka'),
  }
}

export function measureState(registry: Registry, state: MeasuredState): void {
  const registers = [registry]
  new Gauge({
    name: `${prefix}lag_records`,
    help: 'messages of millrace.events behind the end, by assigned partition',
    labelNames: ['partition'],
    registers,
    collect() {
      this.reset()
      for (const { partition, records } of state.lag()) this.set({ partition: String(partition) }, records)
    },
  })
  new Gauge({
    name: `${prefix}seen_ids`,
    help: 'event ids kept to recognise repeats',
    registers,
    collect() {
      this.set(state.seenIds().ids)
    },
  })
  new Gauge({
    name: `${prefix}seen_ids_bytes`,
    help: 'memory of the event ids kept',
    registers,
    collect() {
      this.set(state.seenIds().bytes)
    },
  })
  new Gauge({
    name: `${prefix}live_cells`,
    help: 'groups of all meters and seconds in the live view',
    registers,
    collect() {
      this.set(state.liveCells())
    },
  })
}

const maxTypeLabels = 200

/** Names of event types as label values: the first 200, then "other". */
export function createTypeLabels(): (type: string) => string {
  const known = new Set<string>()
  return (type) => {
    if (known.size < maxTypeLabels) known.add(type)
    return known.has(type) ? type : 'other'
  }
}
