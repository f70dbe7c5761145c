import { type EventField, type EventView, eventField } from './event-view.ts'
import type { RowBinary } from './row-binary.ts'
import type { Reading } from './take-readings.ts'

/** Where a record stands in Kafka; `index` within its message. */
export interface RecordPosition {
  readonly partition: number
  readonly offset: number
  readonly index: number
}

const sharedColumns = [
  'tenant',
  'source',
  'id',
  'type',
  'subject',
  'occurred_at',
  'received_at',
  'stored_at',
  'data_content_type',
  'data_schema',
  'data',
  'extensions',
  'application',
  'traceparent',
  'schema_version',
  'kafka_partition',
  'kafka_offset',
  'kafka_index',
  'replay',
] as const

/** In the order of `writeEventRow`. */
export const eventColumns: readonly string[] = [...sharedColumns, 'catalog_position', 'readings']
/** In the order of `writeInvalidEventRow`. */
export const invalidEventColumns: readonly string[] = [...sharedColumns, 'reason', 'pointer']

export interface RowFacts {
  readonly position: RecordPosition
  readonly storedAtUs: number
  /** Next offset of millrace.catalog when the event was judged: it has the readings of all meters before. */
  readonly catalogPosition: number
  /** Name of the replay that the event came with; empty for its first time. */
  readonly replay: string
}

export function writeEventRow(
  row: RowBinary,
  event: EventView,
  facts: RowFacts,
  { schemaVersion, readings }: { readonly schemaVersion: number; readonly readings: readonly Reading[] },
): void {
  writeShared(row, event, facts, schemaVersion)
  row.writeInt64(facts.catalogPosition)
  row.writeLength(readings.length)
  for (const { meter, version, group, value } of readings) {
    row.writeString(meter)
    row.writeInt64(version)
    row.writeLength(group.length)
    for (const part of group) row.writeString(part)
    row.writeUint8(value === null ? 1 : 0)
    if (value !== null) row.writeInt128(value)
  }
}

export function writeInvalidEventRow(
  row: RowBinary,
  event: EventView,
  facts: RowFacts,
  fault: { readonly schemaVersion: number; readonly reason: string; readonly pointer: string },
): void {
  writeShared(row, event, facts, fault.schemaVersion)
  row.writeString(fault.reason)
  row.writeString(fault.pointer)
}

/** In the order of `writeMeterReadingRow`. */
export const meterReadingColumns: readonly string[] = [
  'tenant',
  'meter',
  'version',
  'occurred_at',
  'group',
  'value',
  'kafka_partition',
  'kafka_offset',
  'kafka_index',
]

/** A reading of a meter that needs every value. */
export function writeMeterReadingRow(
  row: RowBinary,
  event: Pick<EventView, 'tenant' | 'occurredAtUs'>,
  position: RecordPosition,
  { meter, version, group, value }: Reading,
): void {
  row.writeString(event.tenant)
  row.writeString(meter)
  row.writeInt64(version)
  row.writeInt64(event.occurredAtUs)
  row.writeLength(group.length)
  for (const part of group) row.writeString(part)
  row.writeInt128(value ?? 0n)
  row.writeUint32(position.partition)
  row.writeInt64(position.offset)
  row.writeUint32(position.index)
}

function writeShared(
  row: RowBinary,
  event: EventView,
  { position, storedAtUs, replay }: RowFacts,
  schemaVersion: number,
): void {
  writeField(row, event, eventField.tenant)
  writeField(row, event, eventField.source)
  writeField(row, event, eventField.id)
  writeField(row, event, eventField.type)
  writeField(row, event, eventField.subject)
  row.writeInt64(event.occurredAtUs)
  row.writeInt64(event.receivedAtUs)
  row.writeInt64(storedAtUs)
  writeField(row, event, eventField.dataContentType)
  writeField(row, event, eventField.dataSchema)
  writeField(row, event, eventField.data)
  row.writeString(event.hasExtensions ? formatExtensions(event) : '{}')
  writeField(row, event, eventField.application)
  writeField(row, event, eventField.traceparent)
  row.writeInt64(schemaVersion)
  row.writeUint32(position.partition)
  row.writeInt64(position.offset)
  row.writeUint32(position.index)
  row.writeString(replay)
}

/** As it stands in the message, without becoming a string on the way. */
function writeField(row: RowBinary, event: EventView, field: EventField): void {
  row.writeSlice(event.bytes, event.start(field), event.end(field))
}

/** JSON text; the attributes keep their types. */
function formatExtensions({ extensions }: EventView): string {
  const entries = Object.entries(extensions).map(([name, value]) => [name, value.value?.value])
  return JSON.stringify(Object.fromEntries(entries))
}
