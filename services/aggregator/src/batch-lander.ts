import type { TopicPartitionOffsetAndMetadata } from '@millrace/service-kit/kafka-consumer'
import type { Logger } from '@millrace/service-kit/log'
import type { SpanRecorder } from '@millrace/service-kit/span-recorder'
import type { Batch } from './batch.ts'
import type { LandChanges } from './land-changes.ts'
import { recordLanded } from './landing-spans.ts'
import type { AggregatorMetrics } from './metrics.ts'
import { deduplicationToken, formatPending } from './pending-range.ts'
import type { RowBlock } from './row-writer.ts'
import type { Touches } from './touches.ts'

export interface LanderDeps {
  /** Resolves once the block is in ClickHouse; rejects only when the signal aborts. */
  readonly insert: (block: RowBlock, signal: AbortSignal) => Promise<void>
  /** Resolves once the batch's settlements and retractions have had their effect; rejects when the signal aborts. */
  readonly landChanges: LandChanges
  /** Resolves once Kafka has written the offset down; rejects only when the signal aborts. */
  readonly commit: (offset: TopicPartitionOffsetAndMetadata, signal: AbortSignal) => Promise<void>
  readonly touches: Pick<Touches, 'during'>
  readonly metrics: AggregatorMetrics
  readonly logger: Logger
  /** Without one nobody collects spans. */
  readonly spans?: SpanRecorder
  /** Milliseconds since 1970. */
  readonly now: () => number
}

/** Lands the batches of one partition, one at a time and in order. */
export interface BatchLander {
  /**
   * Lands a batch, and those that `nextDue` closes meanwhile.
   * @param nextDue closes the next batch if it is due and may be landed at once
   */
  land(first: Batch, nextDue: () => Batch | undefined): Promise<void>
  /** The batch under way. */
  current(): Batch | undefined
  newestLandedUs(): number | undefined
  /** Last offset of what is in the live view for good; undefined before the first batch. */
  landedThrough(): number | undefined
  /** Takes what is not committed out of the live view: the next owner shows it. */
  dropLive(): void
}

/** Far less than the deduplication window of the tables lasts. */
const confirmAfterMs = 20_000

/**
 * The flush, and what a crash between its steps does:
 * 1. commit `from` with {"pending":[from,to]}   before: nothing happened, the records are read again;
 * 2. insert the rows under the range's token    before or during: the next owner reads exactly from..to again, makes
 *                                               the same block of it and inserts it under the same token;
 *    then what settlements and retractions do,  which depends on rows before the range and on those just inserted;
 * 3. commit `to + 1`                            before: the same, and ClickHouse drops the repeated block;
 *                                               after: done.
 * Step 3 of a batch and step 1 of the next are one commit when the next is due. A range without rows (repeats,
 * undecodable messages) needs step 3 only.
 */
export function createBatchLander(
  deps: LanderDeps,
  topic: string,
  partition: number,
  signal: AbortSignal,
): BatchLander {
  const uncommitted = new Set<Batch>()
  let current: Batch | undefined
  let newestLandedUs: number | undefined
  let landedThrough: number | undefined
  /** A former owner may have tried to land what this lane begins with. */
  let mayBeThere = true

  /** When Kafka last took a commit of this lane. */
  let confirmedAt = 0

  const commitPending = async ({ from, to, catalog }: Batch): Promise<void> => {
    const metadata = formatPending({ from, to, catalog })
    await deps.commit({ topic, partition, offset: from, metadata }, signal)
    confirmedAt = deps.now()
  }

  /**
   * ClickHouse knows a token only for as many blocks. Whoever wakes from a long pause asks Kafka whether the partition
   * is still his before he sends a block that may have been forgotten there.
   */
  const confirm = async (batch: Batch): Promise<void> => {
    const sinceMs = deps.now() - confirmedAt
    if (sinceMs < 0 || sinceMs > confirmAfterMs) await commitPending(batch)
  }

  /** After the events: a change may be about one of its own batch. */
  const landChanges = (batch: Batch): Promise<void> => {
    const { from, to, changes } = batch
    const range = { from, to }
    const token = deduplicationToken(topic, partition, range)
    const { overlay } = batch
    return deps.landChanges(
      changes,
      { partition, range, token, overlay, mayBeThere, confirm: () => confirm(batch) },
      signal,
    )
  }

  const insertAll = async (batch: Batch): Promise<void> => {
    for (const block of batch.blocks(topic, partition)) {
      await deps.insert({ ...block, mayBeThere, confirm: () => confirm(batch) }, signal)
    }
  }

  const land = (batch: Batch): Promise<void> =>
    deps.touches.during(batch.touched(), async () => {
      await insertAll(batch)
      await landChanges(batch)
    })

  const report = (batch: Batch, flushMs: number): void => {
    const { from, to, rows, invalidRows, bytes, oldestReceivedAtUs = 0, newestReceivedAtUs = 0 } = batch
    if (!hasRows(batch)) return
    newestLandedUs = Math.max(newestLandedUs ?? 0, newestReceivedAtUs)
    const freshnessMs = Math.round(Math.max(0, deps.now() - oldestReceivedAtUs / 1_000))
    if (rows > 0) deps.metrics.rowsLanded.inc({ table: 'events' }, rows)
    if (invalidRows > 0) deps.metrics.rowsLanded.inc({ table: 'invalid_events' }, invalidRows)
    deps.metrics.flushSeconds.observe(flushMs / 1_000)
    deps.metrics.freshnessSeconds.observe(freshnessMs / 1_000)
    recordLanded(deps.spans, batch.traced, { atMs: deps.now(), partition, rows })
    deps.logger.info(
      { partition, from, to, rows, invalidRows, bytes, flushMs: Math.round(flushMs), freshnessMs },
      'batch landed',
    )
  }

  return {
    async land(first, nextDue) {
      let batch: Batch | undefined = first
      let startedAt = performance.now()
      current = first
      uncommitted.add(first)
      if (hasRows(first)) await commitPending(first)
      while (batch !== undefined) {
        await land(batch)
        mayBeThere = false
        const next = nextDue()
        if (next !== undefined) uncommitted.add(next)
        if (next !== undefined && hasRows(next)) await commitPending(next)
        else await deps.commit({ topic, partition, offset: batch.to + 1 }, signal)
        uncommitted.delete(batch)
        batch.overlay.keep()
        landedThrough = batch.to
        report(batch, performance.now() - startedAt)
        batch.releaseRows()
        startedAt = performance.now()
        batch = next
        current = next
      }
    },
    current: () => current,
    newestLandedUs: () => newestLandedUs,
    landedThrough: () => landedThrough,
    dropLive() {
      for (const { overlay } of uncommitted) overlay.drop()
      uncommitted.clear()
    },
  }
}

function hasRows({ rows, invalidRows, changes }: Batch): boolean {
  return rows + invalidRows + changes.length > 0
}
