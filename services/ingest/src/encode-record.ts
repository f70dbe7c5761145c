import { type Event, EventRecord } from '@millrace/proto'

type Writer = ReturnType<typeof EventRecord.encode>

let writer: Writer | undefined

/** An event as an encoded EventRecord. All share one writer, whose buffer is the costly part of encoding. */
export function encodeEventRecord(event: Event): Uint8Array {
  const shared = writer
  // Away while it is in use: a writer that threw holds half a record.
  writer = undefined
  const used = EventRecord.encode({ record: { $case: 'event', value: event } }, shared)
  const bytes = used.finish()
  writer = used
  return bytes
}
