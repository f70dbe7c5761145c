import { isUtf8 } from 'node:buffer'
import { parseTimestamp } from '@millrace/service-kit/timestamp'
import { checkUriReference } from './check-attribute.ts'
import { tag } from './encode-record.ts'
import type { PartitionedRecord } from './event-producer.ts'
import { partitionOfId, sourceState, tenantState } from './partition-of-bytes.ts'
import { type EventPlaces, findPlaces, newPlaces } from './plain-event.ts'
import type { PlainMessage } from './plain-message.ts'
import type { Reception } from './read-event.ts'
import type { JsonLayout } from './read-json-events.ts'
import { beginRecord, copyBytes, endRecord, writeText, writeTime, writeVarint } from './record-slab.ts'
import { skipBlanks } from './scan-json.ts'

/** Events of a request, encoded. */
export interface PlainEvents {
  readonly ids: readonly string[]
  readonly records: readonly PartitionedRecord[]
}

export interface PlainEventsLimits {
  readonly maxEvents: number
  readonly maxEventBytes: number
  readonly partitions: number
  /** Whether events of a type are accepted as they are, without a look at the catalog's rules. */
  readonly isUnchecked: (tenant: string, type: string) => boolean
}

/**
 * Reads events from JSON text straight into records, in one pass and without an object for any of them: that costs a
 * fraction of reading them in general. Undefined as soon as anything is unusual or wrong; then the general reader has to
 * read all of them, and it is the one that says what is wrong. `read-plain-events.test.ts` compares the two.
 */
export function readPlainEvents(
  text: Buffer,
  layout: JsonLayout,
  reception: Reception,
  limits: PlainEventsLimits,
): PlainEvents | undefined {
  if (!isUtf8(text)) return undefined
  const reader = new PlainReader(text, reception, limits)
  const start = skipBlanks(text, 0)
  const isBatch = text[start] === openBracket
  if (isBatch ? layout === 'one' : layout === 'batch') return undefined
  const end = isBatch ? reader.readArray(start) : reader.readOne(start)
  return end !== -1 && skipBlanks(text, end) === text.length ? reader : undefined
}

/** The same for events whose places in the bytes of a gRPC request were found already. */
export function readPlainMessage(
  { bytes, events }: PlainMessage,
  reception: Reception,
  limits: PlainEventsLimits,
): PlainEvents | undefined {
  const reader = new PlainReader(bytes, reception, limits)
  for (const places of events) {
    const { occurredAtUs } = places
    const us = occurredAtUs === -1 ? reception.receivedAtUs : occurredAtUs
    if (!reader.add(places, us, places.bytes)) return undefined
  }
  return reader
}

const openBracket = 0x5b
const closeBracket = 0x5d
const comma = 0x2c
/** Tags, lengths and times of a record. */
const restBytes = 100

/** Events of a request often share their source and type: what was found for one holds while the bytes are the same. */
class PlainReader implements PlainEvents {
  readonly ids: string[] = []
  readonly records: PartitionedRecord[] = []
  readonly #text: Buffer
  readonly #reception: Reception
  readonly #limits: PlainEventsLimits
  readonly #places: EventPlaces = newPlaces()
  readonly #ofTenant: number
  #ofSource = 0
  #sourceStart = 0
  #sourceEnd = 0
  #typeStart = 0
  #typeEnd = 0

  constructor(text: Buffer, reception: Reception, limits: PlainEventsLimits) {
    this.#text = text
    this.#reception = reception
    this.#limits = limits
    this.#ofTenant = tenantState(reception.tenant)
  }

  /** The offset behind it, or -1. */
  readArray(start: number): number {
    const text = this.#text
    let at = skipBlanks(text, start + 1)
    for (;;) {
      at = this.readOne(at)
      if (at === -1) return -1
      at = skipBlanks(text, at)
      if (text[at] === closeBracket) return at + 1
      if (text[at] !== comma) return -1
      at = skipBlanks(text, at + 1)
    }
  }

  /** The offset behind it, or -1. */
  readOne(start: number): number {
    const places = this.#places
    const end = findPlaces(this.#text, start, places)
    if (end === -1 || this.ids.length === this.#limits.maxEvents) return -1
    if (!places.hasVersion && !this.#reception.fillIn) return -1
    const occurredAtUs = this.#timeOf(places)
    return occurredAtUs !== undefined && this.add(places, occurredAtUs, end - start) ? end : -1
  }

  /** @param length at most so many bytes of the text are the event's */
  add(places: EventPlaces, occurredAtUs: number, length: number): boolean {
    if (places.idEnd === 0 || places.sourceEnd === 0 || places.typeEnd === 0) return false
    if (!this.#isGoodSource(places) || !this.#isGoodType(places)) return false
    const bytes = this.#encode(places, occurredAtUs, length)
    if (bytes.length > this.#limits.maxEventBytes) return false
    const { idStart, idEnd } = places
    const partition = partitionOfId(this.#ofSource, this.#text, idStart, idEnd, this.#limits.partitions)
    this.ids.push(this.#text.toString('latin1', idStart, idEnd))
    this.records.push({ partition, bytes })
    return true
  }

  #isGoodSource({ sourceStart, sourceEnd }: EventPlaces): boolean {
    const text = this.#text
    if (isSame(text, sourceStart, sourceEnd, this.#sourceStart, this.#sourceEnd)) return true
    if (checkUriReference(text.toString('latin1', sourceStart, sourceEnd)) !== undefined) return false
    this.#sourceStart = sourceStart
    this.#sourceEnd = sourceEnd
    this.#ofSource = sourceState(this.#ofTenant, text, sourceStart, sourceEnd)
    return true
  }

  #isGoodType({ typeStart, typeEnd }: EventPlaces): boolean {
    if (isSame(this.#text, typeStart, typeEnd, this.#typeStart, this.#typeEnd)) return true
    const type = this.#text.toString('latin1', typeStart, typeEnd)
    if (!this.#limits.isUnchecked(this.#reception.tenant, type)) return false
    this.#typeStart = typeStart
    this.#typeEnd = typeEnd
    return true
  }

  #timeOf({ timeStart, timeEnd }: EventPlaces): number | undefined {
    if (timeEnd === 0) return this.#reception.receivedAtUs
    return parseTimestamp(this.#text.toString('latin1', timeStart, timeEnd))
  }

  /** The bytes that `encodeEventRecord` would give. */
  #encode(places: EventPlaces, occurredAtUs: number, length: number): Uint8Array {
    const text = this.#text
    const { tenant, traceparent, application, receivedAtUs, backfill } = this.#reception
    const texts = 3 * (tenant.length + traceparent.length + application.length)
    const start = beginRecord(length + texts + restBytes)
    writeText(tag.tenant, tenant)
    copyBytes(tag.source, text, places.sourceStart, places.sourceEnd)
    copyBytes(tag.id, text, places.idStart, places.idEnd)
    copyBytes(tag.type, text, places.typeStart, places.typeEnd)
    if (places.subjectEnd !== 0) copyBytes(tag.subject, text, places.subjectStart, places.subjectEnd)
    writeTime(tag.occurredAtUs, occurredAtUs)
    writeTime(tag.receivedAtUs, receivedAtUs)
    if (places.namesJson) writeText(tag.dataContentType, 'application/json')
    if (places.dataEnd !== 0) copyBytes(tag.data, text, places.dataStart, places.dataEnd)
    writeText(tag.traceparent, traceparent)
    writeText(tag.application, application)
    if (backfill) {
      writeVarint(tag.backfill)
      writeVarint(1)
    }
    return endRecord(start)
  }
}

function isSame(text: Buffer, start: number, end: number, otherStart: number, otherEnd: number): boolean {
  if (end - start !== otherEnd - otherStart) return false
  for (let at = 0; at < end - start; at += 1) if (text[start + at] !== text[otherStart + at]) return false
  return true
}
