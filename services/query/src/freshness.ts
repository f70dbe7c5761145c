import type { Progress } from '@millrace/proto'
import { ServiceError } from '@millrace/service-kit/errors'
import type { Logger } from '@millrace/service-kit/log'
import type { Aggregators } from './aggregators.ts'
import { type AnnouncedWrites, createAnnouncedWrites } from './announced-writes.ts'
import type { ClickhouseReader } from './clickhouse-reader.ts'
import type { Microseconds } from './time.ts'

/** How far the events that were received can be queried. */
export interface Freshness {
  /** Every event received before it can be queried; the epoch while nothing is known. */
  dataThrough(): Promise<Microseconds>
  /** Without asking ClickHouse; undefined until every partition was heard of. */
  known(): Microseconds | undefined
  /** What the aggregators tell of their writes, on the streams that tell their progress. */
  readonly writes: AnnouncedWrites
  stop(): void
}

export interface FreshnessDeps {
  readonly aggregators: Aggregators
  readonly clickhouse: ClickhouseReader
  readonly logger: Logger
  /** Partitions of millrace.events; undefined until Kafka has said so. */
  readonly partitions: () => number | undefined
}

/**
 * Follows the progress of all aggregators. A partition keeps the last time that was told of it: when its aggregator
 * goes away, `dataThrough` stands still until another one has taken over. An aggregator that takes back what it said
 * itself has had its clock set back.
 */
export function startFreshness(deps: FreshnessDeps): Freshness {
  const tracker = createProgressTracker()
  const writes = createAnnouncedWrites()
  const stop = deps.aggregators.follow<Progress>((client) => client.watchProgress({}), {
    message(address, progress) {
      writes.apply(address, progress)
      tracker.apply(progress)
    },
    lost: writes.lost,
  })
  return {
    known: () => tracker.through(),
    writes,
    async dataThrough() {
      return tracker.through() ?? (await fromClickhouse(deps))
    },
    stop,
  }
}

export interface ProgressTracker {
  apply(progress: Progress): void
  /** The least of all partitions; undefined until each has been heard of. */
  through(): Microseconds | undefined
}

export function createProgressTracker(): ProgressTracker {
  const through = new Map<number, { readonly instance: string; readonly us: Microseconds }>()
  let partitions = 0
  let least: Microseconds | undefined
  return {
    apply(progress) {
      partitions = Math.max(partitions, progress.partitions)
      for (const { partition, throughUs } of progress.landed) {
        const before = through.get(partition)
        if (before !== undefined && before.instance !== progress.instance && before.us > throughUs) continue
        through.set(partition, { instance: progress.instance, us: throughUs })
      }
      const all = partitions > 0 && through.size >= partitions
      least = all ? Math.min(...[...through.values()].map(({ us }) => us)) : undefined
    },
    through: () => least,
  }
}

/**
 * Before any aggregator has told: the last event of each partition, the least of them. A partition that nothing has
 * landed from may hold events that wait, so all of them must have one.
 */
async function fromClickhouse({ clickhouse, partitions }: FreshnessDeps): Promise<Microseconds> {
  const sql = `SELECT toString(count()), toString(min(last)) FROM (
  SELECT kafka_partition, toUnixTimestamp64Micro(max(received_at)) AS last
  FROM (SELECT kafka_partition, received_at FROM events UNION ALL SELECT kafka_partition, received_at FROM invalid_events)
  GROUP BY kafka_partition
)`
  const wanted = partitions()
  if (wanted === undefined) return 0
  const [row] = await clickhouse.read({ sql, parameters: {} }, 1)
  if (row === undefined)
    throw new ServiceError('internal', 'ClickHouse gave no row where there is always one.')
  return Number(row[0]) >= wanted ? Number(row[1]) : 0
}
