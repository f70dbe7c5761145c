import type { EventView } from './event-view.ts'
import type { RowBinary } from './row-binary.ts'
import type { Reading } from './take-readings.ts'

/** Where a record stands in Kafka; `index` within its message. */
export interface RecordPosition {
  readonly partition: number
  readonly offset: number
  readonly index: number
}

export interface RowFacts {
  readonly position: RecordPosition
  readonly storedAtUs: number
  /** Next offset of millrace.catalog when the event was judged: it has the readings of all meters before. */
  readonly catalogPosition: number
  /** Name of the replay that the event came with; empty for its first time. */
  readonly replay: string
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
