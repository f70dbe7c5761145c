import { fixedMilliseconds } from '@millrace/catalog/duration'
import { ConfigError, type ConfigOf, count, setting } from '@millrace/service-kit/config'
import {
  clickhouseSettings,
  doorSettings,
  kafkaSettings,
  logSettings,
  rootKeySettings,
} from '@millrace/service-kit/shared-settings'
import { tracingSettings } from '@millrace/service-kit/span-recorder'
import { z } from 'zod'
import { longestBeforeAppendMs } from './read-records.ts'

export const settings = {
  ...logSettings,
  ...kafkaSettings,
  ...clickhouseSettings,
  ...rootKeySettings,
  ...tracingSettings,
  ...doorSettings({ grpc: 50_053, operations: 9_103 }),
  batchMaxAgeMs: setting(
    'AGGREGATOR_BATCH_MAX_AGE_MS',
    count(200),
    'milliseconds after which a batch is written however small it is; where landing one takes long, up to twice as many',
  ),
  batchMaxRows: setting(
    'AGGREGATOR_BATCH_MAX_ROWS',
    count(100_000),
    'rows at which a batch is written at once; one message more may exceed it',
  ),
  batchMaxBytes: setting(
    'AGGREGATOR_BATCH_MAX_BYTES',
    count(48 * 1024 * 1024),
    'bytes at which a batch is written at once. Each partition holds at most two batches and half of one unread',
  ),
  batchTotalBytes: setting(
    'AGGREGATOR_BATCH_TOTAL_BYTES',
    count(384 * 1024 * 1024, 1024 * 1024),
    'bytes that the batches of all partitions may take together; with many partitions it makes the batches smaller, down to 1 MiB',
  ),
  flushConcurrency: setting(
    'AGGREGATOR_FLUSH_CONCURRENCY',
    count(4),
    'inserts of events under way at the same time; further partitions wait, and their batches grow',
  ),
  insertTimeoutMs: setting(
    'AGGREGATOR_INSERT_TIMEOUT_MS',
    count(8_000),
    'milliseconds an insert may take before it is repeated, at first: after one that was not done by then the next gets twice as long, ten minutes at most; below the session time-out',
  ),
  readTimeoutMs: setting(
    'AGGREGATOR_READ_TIMEOUT_MS',
    count(60_000),
    'milliseconds that reading back from ClickHouse may take: ids of a partition, events for a backfill or a replay, the live view',
  ),
  backfillChunkEvents: setting(
    'AGGREGATOR_BACKFILL_CHUNK_EVENTS',
    count(20_000),
    'stored events that a new meter counts in one go, twice as many at the most; live events go first in between',
  ),
  sessionTimeoutMs: setting(
    'AGGREGATOR_SESSION_TIMEOUT_MS',
    count(10_000, 1_000),
    'milliseconds of silence after which Kafka gives the partitions of an instance to others',
  ),
  dedupeWindowMs: setting(
    'DEDUPE_WINDOW',
    z
      .string()
      .default('PT24H')
      .transform((value, context) => {
        const milliseconds = fixedMilliseconds(value)
        if (milliseconds !== undefined && milliseconds > 0) return milliseconds
        context.addIssue('needs an ISO 8601 duration of weeks, days, hours, minutes or seconds: PT24H')
        return z.NEVER
      }) as unknown as z.ZodType<number>,
    'time for which a repeat of an event is recognised; ISO 8601 duration',
  ),
  retentionEveryMs: setting(
    'AGGREGATOR_RETENTION_EVERY_MS',
    count(21_600_000),
    'milliseconds between two looks for events whose type’s retention has passed; removing them rewrites parts of the table',
  ),
  progressMarginMs: setting(
    'AGGREGATOR_PROGRESS_MARGIN_MS',
    count(500, longestBeforeAppendMs),
    `milliseconds by which the time that data is complete through is held back: ${longestBeforeAppendMs} for the way from ingest to Kafka, the rest for the difference between the clocks of brokers and aggregator`,
  ),
  liveMaxGroups: setting(
    'AGGREGATOR_LIVE_MAX_GROUPS',
    count(1_000),
    'groups of a meter that the live view keeps per second; the others are summed up in one',
  ),
  liveMaxCells: setting(
    'AGGREGATOR_LIVE_MAX_CELLS',
    count(500_000, 1_000),
    'groups of all meters and seconds that the live view keeps in all (about 250 bytes each); the oldest seconds go first',
  ),
} as const

export type AggregatorConfig = ConfigOf<typeof settings>

/** @throws {ConfigError} when settings do not go together */
export function checkConfig({ insertTimeoutMs, sessionTimeoutMs }: AggregatorConfig): void {
  if (insertTimeoutMs < sessionTimeoutMs) return
  throw new ConfigError([
    `AGGREGATOR_INSERT_TIMEOUT_MS (${insertTimeoutMs}) is not below AGGREGATOR_SESSION_TIMEOUT_MS (${sessionTimeoutMs}): the first attempt of an insert that hangs would outlast the time after which the partition may go to another instance`,
  ])
}
