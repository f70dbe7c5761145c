import { isJsonMediaType } from '@millrace/catalog/media-type'
import type { AttributeValue, Event } from '@millrace/proto'
import type { ClickHouseClient } from '@millrace/service-kit/clickhouse-client'
import { type BackfilledMeter, selectEvents } from './backfill-meter.ts'
import type { ChunkRange } from './backfill-plan.ts'
import type { RecordPosition } from './event-rows.ts'
import { createEventReader, type EventReader } from './read-event.ts'

export interface StoredEvent {
  readonly event: Event
  readonly position: RecordPosition
}

/** Reads the events of a chunk as they were landed, without holding them all. Rejects when ClickHouse cannot answer. */
export type ReadStoredEvents = (
  meter: BackfilledMeter,
  range: ChunkRange,
  signal: AbortSignal,
) => AsyncIterable<readonly StoredEvent[]>

export const storedColumns = [
  'source',
  'id',
  'type',
  'subject',
  'toString(toUnixTimestamp64Micro(occurred_at))',
  'toString(toUnixTimestamp64Micro(received_at))',
  'data_content_type',
  'data_schema',
  'extensions',
  'application',
  'kafka_partition',
  'toString(kafka_offset)',
  'kafka_index',
] as const

export type StoredRow = [
  source: string,
  id: string,
  type: string,
  subject: string,
  occurredAtUs: string,
  receivedAtUs: string,
  dataContentType: string,
  dataSchema: string,
  extensions: string,
  application: string,
  partition: number,
  offset: string,
  index: number,
  data: string,
]

export function createStoredEventsReader(clickhouse: ClickHouseClient): ReadStoredEvents {
  return async function* (meter, range, signal) {
    const { where, parameters } = selectEvents(meter, range)
    // Data that is no UTF-8 is of no media type that a meter reads into.
    const data = meter.readsData ? 'data' : `''`
    const result = await clickhouse.query({
      query: `SELECT ${storedColumns.join(', ')}, ${data} AS read FROM events WHERE ${where}`,
      query_params: { ...parameters },
      format: 'JSONCompactEachRow',
      // One thread, small blocks: live events need the rest.
      clickhouse_settings: { max_threads: 1, max_block_size: '4096' },
      abort_signal: signal,
    })
    for await (const rows of result.stream<StoredRow>()) {
      yield rows.map((row) => toStoredEvent(meter.tenant, row.json<StoredRow>()))
    }
  }
}

/** @param row with the data as text at its end */
export function toStoredEvent(tenant: string, row: StoredRow): StoredEvent {
  const [source, id, type, subject, occurredAt, receivedAt, contentType, dataSchema, extensions] = row
  const [, , , , , , , , , application, partition, offset, index, data] = row
  const event: Event = {
    tenant,
    source,
    id,
    type,
    subject,
    occurredAtUs: Number(occurredAt),
    receivedAtUs: Number(receivedAt),
    dataContentType: contentType,
    dataSchema,
    data: Buffer.from(data),
    extensions: readExtensions(extensions),
    traceparent: '',
    application,
    backfill: false,
  }
  return { event, position: { partition, offset: Number(offset), index } }
}

/** The attributes with the types that they were sent with. */
function readExtensions(text: string): Event['extensions'] {
  if (text === '{}') return {}
  const values = JSON.parse(text) as Readonly<Record<string, string | number | boolean>>
  return Object.fromEntries(Object.entries(values).map(([name, value]) => [name, toAttribute(value)]))
}

function toAttribute(value: string | number | boolean): AttributeValue {
  if (typeof value === 'boolean') return { value: { $case: 'boolean', value } }
  if (typeof value === 'number') return { value: { $case: 'integer', value } }
  return { value: { $case: 'text', value } }
}

/** As a landed event was read when it was judged; nothing of it can be wrong any more. */
export function readStoredEvent({ event }: StoredEvent): EventReader {
  if (event.data.length === 0 || !isJsonMediaType(event.dataContentType)) {
    return createEventReader(event, undefined, undefined)
  }
  const text = event.data.toString()
  return createEventReader(event, text, JSON.parse(text))
}
