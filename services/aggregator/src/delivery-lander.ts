import type { TopicPartitionOffsetAndMetadata } from '@millrace/service-kit/kafka-consumer'
import type { Logger } from '@millrace/service-kit/log'
import type { DeliveryBatch } from './delivery-inbox.ts'
import { deliveryColumns } from './delivery-rows.ts'
import type { CaptureEraser, DeliveredEvent } from './erase-captures.ts'
import { createFlushSlots } from './flush-slots.ts'
import type { AggregatorMetrics } from './metrics.ts'
import { deduplicationToken, formatPending } from './pending-range.ts'
import { retryUntilDone } from './retry.ts'
import { RowBinary } from './row-binary.ts'
import type { RowWriter } from './row-writer.ts'

export interface DeliveryLanderDeps {
  readonly insert: RowWriter['insert']
  /** @param read asked right before the commit; there may be nothing left of it then */
  readonly commit: (read: () => readonly TopicPartitionOffsetAndMetadata[]) => Promise<void>
  /** The partition has not been given up since the batch was taken. */
  readonly owns: (batch: DeliveryBatch) => boolean
  /**
   * @param onCapture told of the event whose delivery has left a capture
   * @returns rows written: 0 or 1
   */
  readonly writeRow: (
    row: RowBinary,
    message: DeliveryBatch['messages'][number],
    onCapture: (event: DeliveredEvent) => void,
  ) => number
  /** Of events that were erased, called once their rows are in the table. */
  readonly eraseLate: CaptureEraser['eraseLate']
  readonly metrics: Pick<AggregatorMetrics, 'rowsLanded'>
  readonly logger: Logger
  readonly signal: AbortSignal
  /** Milliseconds since 1970. */
  readonly now: () => number
}

const insertsAtOnce = 4
/** Far less than the deduplication window of the tables lasts. */
const confirmAfterMs = 20_000

interface Prepared {
  readonly batch: DeliveryBatch
  readonly rows: Buffer
  readonly count: number
  readonly captured: readonly DeliveredEvent[]
}

/**
 * Lands a batch per partition, the way that events are: 1. the ranges are written down beside the committed offsets,
 * 2. each is inserted as one block under its token, 3. what is behind them is committed. Whoever takes a partition up
 * with a range written down makes the same block of it, and ClickHouse drops it if it is there: in the table, where a
 * row would replace itself anyway, and in the rollups, where it would count twice. ClickHouse knows a token only for as
 * many blocks: whoever wakes from a long pause writes the range down again first, which Kafka refuses when the partition
 * is somebody else's by then. Rejects when the signal aborts.
 */
export function createDeliveryLander(
  deps: DeliveryLanderDeps,
): (batches: readonly DeliveryBatch[]) => Promise<void> {
  const { logger, metrics, signal } = deps
  const slots = createFlushSlots(insertsAtOnce)

  const commit = async (
    prepared: readonly Prepared[],
    offset: (batch: DeliveryBatch) => { offset: number; metadata?: string },
  ): Promise<void> => {
    const readOwned = (): readonly TopicPartitionOffsetAndMetadata[] =>
      prepared
        .map(({ batch }) => batch)
        .filter(deps.owns)
        .map((batch) => ({ topic: batch.topic, partition: batch.partition, ...offset(batch) }))
    await retryUntilDone(() => deps.commit(readOwned), {
      signal,
      onFailure: (error, attempt) => {
        if (attempt % 10 === 1) logger.warn({ attempt, err: error }, 'deliveries cannot be committed')
      },
    })
  }

  /** @param writtenDownMs not later than Kafka has taken the range */
  const insert = async (prepared: Prepared, writtenDownMs: number): Promise<void> => {
    const { batch, rows, count, captured } = prepared
    const { lost } = batch
    const ending = AbortSignal.any([signal, lost])
    let confirmedMs = writtenDownMs
    const confirm = async (): Promise<void> => {
      const nowMs = deps.now()
      const sinceMs = nowMs - confirmedMs
      if (sinceMs >= 0 && sinceMs <= confirmAfterMs) return
      await commit([prepared], toPending)
      lost.throwIfAborted()
      confirmedMs = nowMs
    }
    await slots.acquire(signal)
    try {
      // Given up before it was written down: its next owner knows of no range.
      if (lost.aborted) return
      const token = deduplicationToken(batch.topic, batch.partition, batch)
      const block = { table: 'deliveries', columns: deliveryColumns, rows, token, confirm }
      await deps.insert({ ...block, mayBeThere: batch.inherited }, ending)
      metrics.rowsLanded.inc({ table: 'deliveries' }, count)
      await retryUntilDone(() => deps.eraseLate(captured, ending), {
        signal: ending,
        onFailure: (error, attempt) => {
          if (attempt % 10 === 1) logger.warn({ attempt, err: error }, 'captures cannot be erased yet')
        },
      })
    } catch (error) {
      if (signal.aborted || !lost.aborted) throw error
      logger.info(
        { topic: batch.topic, partition: batch.partition },
        'deliveries are left to their new owner',
      )
    } finally {
      slots.release()
    }
  }

  const prepare = (batch: DeliveryBatch): Prepared => {
    const rows = new RowBinary()
    const captured: DeliveredEvent[] = []
    const write = (message: DeliveryBatch['messages'][number]): number =>
      deps.writeRow(rows, message, (event) => captured.push(event))
    const count = batch.messages.reduce((sum, message) => sum + write(message), 0)
    return { batch, rows: rows.bytes(), count, captured }
  }

  return async (batches) => {
    const startedAt = performance.now()
    const prepared = batches.map(prepare)
    const withRows = prepared.filter(({ count }) => count > 0)
    const writtenDownMs = deps.now()
    await commit(withRows, toPending)
    await Promise.all(withRows.map((one) => insert(one, writtenDownMs)))
    await commit(prepared, ({ to }) => ({ offset: to + 1 }))
    const rows = withRows.reduce((sum, { count }) => sum + count, 0)
    if (rows > 0)
      logger.info({ rows, flushMs: Math.round(performance.now() - startedAt) }, 'deliveries landed')
  }
}

function toPending({ from, to }: DeliveryBatch): { offset: number; metadata: string } {
  return { offset: from, metadata: formatPending({ from, to, catalog: 0 }) }
}
