import { Event, EventRecord } from '@millrace/proto'
import { boundsPerEvent, type EventField, EventView, eventField } from './event-view.ts'
import { UndecodableError, WireReader } from './wire-reader.ts'

/** One record of a message; `index` is its place in it. */
export type DecodedRecord =
  | { readonly index: number; readonly event: EventView }
  | { readonly index: number; readonly event: undefined; readonly record: EventRecord['record'] }

export interface DecodedBatch {
  readonly records: readonly DecodedRecord[]
  readonly catalogThrough: number
}

/** Tags of proto/millrace/v1/event.proto: number of the field times 8, plus its wire type. */
const tag = {
  batch: { records: 10, catalogThrough: 16 },
  record: { event: 10 },
  event: { occurredAtUs: 48, receivedAtUs: 56, extensions: 90, backfill: 112 },
} as const

/** Which field a tag below 128 stands for; -1 for those that are no text and no bytes. */
const fieldOfTag = new Int8Array(128).fill(-1)
const fieldNumbers: readonly (readonly [number, EventField])[] = [
  [1, eventField.tenant],
  [2, eventField.source],
  [3, eventField.id],
  [4, eventField.type],
  [5, eventField.subject],
  [8, eventField.dataContentType],
  [9, eventField.dataSchema],
  [10, eventField.data],
  [12, eventField.traceparent],
  [13, eventField.application],
]
for (const [number, field] of fieldNumbers) fieldOfTag[number * 8 + 2] = field

/**
 * Decodes an EventBatch as the generated code would, but leaves events where they lie: it costs a fifth, since hardly a
 * field of an event is ever needed as text.
 * @throws {UndecodableError} when the bytes are no EventBatch
 */
export function decodeBatch(bytes: Buffer): DecodedBatch {
  const wire = new WireReader(bytes)
  const records: DecodedRecord[] = []
  let catalogThrough = 0
  while (wire.at < bytes.length) {
    const field = wire.readUint32(bytes.length)
    if (field === tag.batch.records) {
      const end = endOf(wire, bytes.length)
      records.push(decodeRecord(bytes, wire, end, records.length))
    } else if (field === tag.batch.catalogThrough) catalogThrough = wire.readInt64(bytes.length)
    else wire.skip(field, bytes.length)
  }
  return { records, catalogThrough }
}

function decodeRecord(bytes: Buffer, wire: WireReader, end: number, index: number): DecodedRecord {
  const start = wire.at
  let event: EventView | undefined
  while (wire.at < end) {
    const field = wire.readUint32(end)
    if (field === tag.record.event) event = decodeEvent(bytes, wire, endOf(wire, end))
    else {
      event = undefined
      wire.skip(field, end)
    }
  }
  if (event !== undefined) return { index, event }
  // Settlements and retractions are few.
  return {
    index,
    event,
    record: decodeWith(() => EventRecord.decode(bytes.subarray(start, end)), 'a record').record,
  }
}

/** At once: what is wrong in them has to show while the message may still be refused. */
function decodeExtensions(event: EventView): EventView['extensions'] {
  const bytes = event.bytes.subarray(event.start(eventField.all), event.end(eventField.all))
  return decodeWith(() => Event.decode(bytes), 'extensions').extensions
}

function decodeWith<Result>(decode: () => Result, what: string): Result {
  try {
    return decode()
  } catch (cause) {
    throw new UndecodableError(`${what} cannot be decoded`, { cause })
  }
}

function endOf(wire: WireReader, end: number): number {
  const length = wire.readLength(end)
  return wire.at + length
}

function decodeEvent(bytes: Buffer, wire: WireReader, end: number): EventView {
  const { bounds, base } = takeBounds()
  bounds[base + eventField.all] = wire.at
  bounds[base + eventField.all + 1] = end
  const event = new EventView(bytes, bounds, base)
  let hasExtensions = false
  while (wire.at < end) {
    // Tags of all fields but the last ones take a byte, and so do most lengths.
    const found = wire.readUint32(end)
    const field = found < 128 ? (fieldOfTag[found] ?? -1) : -1
    if (field >= 0) {
      const length = wire.readLength(end)
      bounds[base + field] = wire.at
      wire.at += length
      bounds[base + field + 1] = wire.at
    } else if (found === tag.event.occurredAtUs) event.occurredAtUs = wire.readInt64(end)
    else if (found === tag.event.receivedAtUs) event.receivedAtUs = wire.readInt64(end)
    else if (found === tag.event.backfill) event.backfill = wire.readUint32(end) !== 0
    else {
      hasExtensions ||= found === tag.event.extensions
      wire.skip(found, end)
    }
  }
  if (hasExtensions) event.extensions = decodeExtensions(event)
  return event
}

const boundsAtOnce = 512
let chunk = new Int32Array(0)
let chunkUsed = 0

/** Zeros for one event: making an array for many at once is cheaper. */
function takeBounds(): { bounds: Int32Array; base: number } {
  if (chunkUsed === chunk.length) {
    chunk = new Int32Array(boundsAtOnce * boundsPerEvent)
    chunkUsed = 0
  }
  const base = chunkUsed
  chunkUsed += boundsPerEvent
  return { bounds: chunk, base }
}
