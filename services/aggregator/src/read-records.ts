import { type Event, EventBatch } from '@millrace/proto'
import type { Message } from '@millrace/service-kit/kafka-consumer'
import type { Logger } from '@millrace/service-kit/log'
import type { AggregatorMetrics } from './metrics.ts'

/** The events of one message with their index in it. */
export interface MessageEvents {
  readonly events: readonly { readonly event: Event; readonly index: number }[]
  /** The catalog has to be read that far before the events are judged. */
  readonly catalogThrough: number
}

const nothing: MessageEvents = { events: [], catalogThrough: 0 }

/**
 * How long before its append an event counts as received at the most. Ingest stamps an event when it reads it, and
 * may have to wait for Kafka; held within a bound, no event can turn up that was received long before others which
 * were landed already, and "complete through" can be told honestly. Clocks of ingest that go wrong are bounded too.
 */
export const longestBeforeAppendMs = 250

/** Decodes a message. What is no event is counted and skipped: it must never block the partition. */
export function readRecords(
  { value, partition, offset, timestamp }: Message,
  { metrics, logger }: { metrics: AggregatorMetrics; logger: Logger },
): MessageEvents {
  let batch: EventBatch
  try {
    batch = EventBatch.decode(value ?? Buffer.alloc(0))
  } catch (error) {
    metrics.recordsSkipped.inc({ reason: 'undecodable' })
    logger.error(
      { partition, offset, bytes: value?.length ?? 0, err: error },
      'message cannot be decoded, skipped',
    )
    return nothing
  }
  const events: { event: Event; index: number }[] = []
  const skipped = new Map<string, number>()
  batch.records.forEach(({ record }, index) => {
    if (record?.$case === 'event' && record.value.id !== '') {
      record.value.receivedAtUs = receivedAt(record.value.receivedAtUs, timestamp)
      events.push({ event: record.value, index })
    } else {
      const reason = record === undefined || record.$case === 'event' ? 'empty' : record.$case
      skipped.set(reason, (skipped.get(reason) ?? 0) + 1)
    }
  })
  for (const [reason, records] of skipped) {
    metrics.recordsSkipped.inc({ reason }, records)
    logger.warn({ partition, offset, reason, records }, 'records have no effect yet, skipped')
  }
  if (batch.records.length === 0) metrics.recordsSkipped.inc({ reason: 'empty' })
  return { events, catalogThrough: batch.catalogThrough }
}

/** @param appendedAtMs the broker's time; the same whenever the message is read again */
function receivedAt(stampedUs: number, appendedAtMs: number | undefined): number {
  if (appendedAtMs === undefined || appendedAtMs <= 0) return stampedUs
  const appendedAtUs = appendedAtMs * 1_000
  return Math.min(Math.max(stampedUs, appendedAtUs - longestBeforeAppendMs * 1_000), appendedAtUs + 999)
}
