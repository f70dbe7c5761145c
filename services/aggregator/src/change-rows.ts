import type { JudgedChange } from './judge-changes.ts'
import type { RowBinary } from './row-binary.ts'

/** In the order of `writeChangeRow`. */
export const changeColumns: readonly string[] = [
  'tenant',
  'source',
  'id',
  'kind',
  'status',
  'erased',
  'reference',
  'settled_at',
  'received_at',
  'stored_at',
  'application',
  'traceparent',
  'kafka_partition',
  'kafka_offset',
  'kafka_index',
  'type',
  'occurred_at',
  'event_status',
  'event_received_at',
  'event_offset',
  'event_index',
  'corrected',
  'readings',
]

export function writeChangeRow(row: RowBinary, judged: JudgedChange): void {
  const { placed, status, event, corrections, corrected } = judged
  const { change, position, storedAtUs } = placed
  row.writeString(change.tenant)
  row.writeString(change.source)
  row.writeString(change.id)
  row.writeString(change.kind)
  row.writeString(status)
  row.writeUint8(change.erase ? 1 : 0)
  row.writeString(change.reference)
  row.writeInt64(change.settledAtUs)
  row.writeInt64(change.receivedAtUs)
  row.writeInt64(storedAtUs)
  row.writeString(change.application)
  row.writeString(change.traceparent)
  row.writeUint32(position.partition)
  row.writeInt64(position.offset)
  row.writeUint32(position.index)
  row.writeString(event?.type ?? '')
  row.writeInt64(event?.occurredAtUs ?? 0)
  row.writeString(event?.status ?? '')
  row.writeInt64(event?.receivedAtUs ?? 0)
  row.writeInt64(event?.offset ?? 0)
  row.writeUint32(event?.index ?? 0)
  row.writeString(formatCorrected(corrected))
  row.writeLength(corrections.length)
  for (const { meter, version, group, count, value } of corrections) {
    row.writeString(meter)
    row.writeInt64(version)
    row.writeLength(group.length)
    for (const part of group) row.writeString(part)
    row.writeInt64(count)
    row.writeUint8(value === null ? 1 : 0)
    if (value !== null) row.writeInt128(value)
  }
}

/** ",a@1,b@3,": so that one meter's version is found by a search for its text. */
function formatCorrected(corrected: JudgedChange['corrected']): string {
  if (corrected.length === 0) return ''
  const names = new Set(corrected.map(({ meter, version }) => `${meter}@${version}`))
  return `,${[...names].sort().join(',')},`
}
