import { EventBatch, type ReplayedEvent } from '@millrace/proto'
import type { Message } from '@millrace/service-kit/kafka-consumer'
import type { Logger } from '@millrace/service-kit/log'
import { decodeBatch } from './decode-batch.ts'
import { type EventChange, toEventChange } from './event-change.ts'
import type { EventView } from './event-view.ts'
import type { AggregatorMetrics } from './metrics.ts'
import { UndecodableError } from './wire-reader.ts'

export interface IncomingEvent {
  readonly event: EventView
  /** In its message. */
  readonly index: number
  /** Set for an invalid event that is judged again. */
  readonly replay?: { readonly name: string; readonly atUs: number }
}

export interface MessageEvents {
  readonly events: readonly IncomingEvent[]
  /** Settlements and retractions. */
  readonly changes: readonly { readonly change: EventChange; readonly index: number }[]
  /** The catalog has to be read that far before the events are judged. */
  readonly catalogThrough: number
}

const nothing: MessageEvents = { events: [], changes: [], catalogThrough: 0 }

/**
 * How long before its append an event counts as received at the most. Ingest stamps an event when it reads it, and
 * may have to wait for Kafka; held within a bound, no event can turn up that was received long before others which
 * were landed already, and "complete through" can be told honestly. Clocks of ingest that go wrong are bounded too.
 */
export const longestBeforeAppendMs = 250

type Deps = { readonly metrics: AggregatorMetrics; readonly logger: Logger }

/** Decodes a message. What cannot be used is counted and skipped: it must never block the partition. */
export function readRecords(message: Message, deps: Deps): MessageEvents {
  try {
    return readAll(message, deps)
  } catch (error) {
    if (!(error instanceof UndecodableError)) throw error
    const { value, partition, offset } = message
    deps.metrics.recordsSkipped.inc({ reason: 'undecodable' })
    deps.logger.error(
      { partition, offset, bytes: value?.length ?? 0, err: error },
      'message cannot be decoded, skipped',
    )
    return nothing
  }
}

/** @throws {UndecodableError} */
function readAll({ value, partition, offset, timestamp }: Message, { metrics, logger }: Deps): MessageEvents {
  const batch = decodeBatch(value ?? Buffer.alloc(0))
  const events: IncomingEvent[] = []
  const changes: { change: EventChange; index: number }[] = []
  let empty = 0
  for (const decoded of batch.records) {
    const { event, index } = decoded
    if (event?.hasId) {
      event.receivedAtUs = receivedAt(event.receivedAtUs, timestamp)
      events.push(decoded)
    } else if (event === undefined && decoded.record?.$case === 'replayed') {
      events.push(...readReplayed(decoded.record.value, index, timestamp))
    } else {
      const change = event === undefined ? toEventChange(decoded.record) : undefined
      if (change === undefined) empty += 1
      else
        changes.push({
          change: { ...change, receivedAtUs: receivedAt(change.receivedAtUs, timestamp) },
          index,
        })
    }
  }
  if (empty > 0 || batch.records.length === 0) {
    metrics.recordsSkipped.inc({ reason: 'empty' }, Math.max(1, empty))
    logger.warn({ partition, offset, records: empty }, 'records that name no event, skipped')
  }
  return { events, changes, catalogThrough: batch.catalogThrough }
}

/** The event keeps the time at which it was received first: its age is judged by it. */
function readReplayed(
  { event, replay, replayedAtUs }: ReplayedEvent,
  index: number,
  appendedAtMs: number | undefined,
): IncomingEvent[] {
  if (event === undefined) return []
  const record = { record: { $case: 'event' as const, value: event } }
  const [decoded] = decodeBatch(
    Buffer.from(EventBatch.encode({ records: [record], catalogThrough: 0 }).finish()),
  ).records
  if (decoded?.event === undefined) return []
  return [
    { event: decoded.event, index, replay: { name: replay, atUs: receivedAt(replayedAtUs, appendedAtMs) } },
  ]
}

/** @param appendedAtMs the broker's time; the same whenever the message is read again */
function receivedAt(stampedUs: number, appendedAtMs: number | undefined): number {
  if (appendedAtMs === undefined || appendedAtMs <= 0) return stampedUs
  const appendedAtUs = appendedAtMs * 1_000
  return Math.min(Math.max(stampedUs, appendedAtUs - longestBeforeAppendMs * 1_000), appendedAtUs + 999)
}
