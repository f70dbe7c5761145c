import type { AttributeValue, Event } from '@millrace/proto'
import {
  beginRecord,
  dropRecord,
  endRecord,
  varintLength,
  writeBytes,
  writeText,
  writeTime,
  writeVarint,
} from './record-slab.ts'

/** Field numbers and wire types of EventRecord and Event, in the order in which the generated code writes them. */
export const tag = {
  tenant: 0x0a,
  source: 0x12,
  id: 0x1a,
  type: 0x22,
  subject: 0x2a,
  occurredAtUs: 0x30,
  receivedAtUs: 0x38,
  dataContentType: 0x42,
  dataSchema: 0x4a,
  data: 0x52,
  extensions: 0x5a,
  traceparent: 0x62,
  application: 0x6a,
  backfill: 0x70,
} as const
const extensionTag = { key: 0x0a, value: 0x12, text: 0x0a, integer: 0x10, boolean: 0x18 } as const

/** An event as an encoded EventRecord: the bytes that EventRecord.encode gives, at a fraction of its cost. */
export function encodeEventRecord(event: Event): Uint8Array {
  const start = beginRecord(maxLength(event))
  try {
    writeEvent(event)
  } catch (error) {
    dropRecord(start)
    throw error
  }
  return endRecord(start)
}

/** A character takes at most three bytes; the rest are numbers, tags and lengths. */
function maxLength(event: Event): number {
  const characters =
    event.tenant.length +
    event.source.length +
    event.id.length +
    event.type.length +
    event.subject.length +
    event.dataContentType.length +
    event.dataSchema.length +
    event.traceparent.length +
    event.application.length
  let length = event.data.length + 3 * characters + 100
  for (const name in event.extensions) {
    const value = event.extensions[name]?.value
    length += name.length + 30 + (value?.$case === 'text' ? 3 * value.value.length : 0)
  }
  return length
}

function writeEvent(event: Event): void {
  writeText(tag.tenant, event.tenant)
  writeText(tag.source, event.source)
  writeText(tag.id, event.id)
  writeText(tag.type, event.type)
  writeText(tag.subject, event.subject)
  writeTime(tag.occurredAtUs, event.occurredAtUs)
  writeTime(tag.receivedAtUs, event.receivedAtUs)
  writeText(tag.dataContentType, event.dataContentType)
  writeText(tag.dataSchema, event.dataSchema)
  writeBytes(tag.data, event.data)
  for (const name in event.extensions) writeExtension(name, event.extensions[name])
  writeText(tag.traceparent, event.traceparent)
  writeText(tag.application, event.application)
  if (event.backfill) {
    writeVarint(tag.backfill)
    writeVarint(1)
  }
}

function writeExtension(name: string, attribute: AttributeValue | undefined): void {
  const value = attribute?.value
  if (value === undefined) throw new TypeError(`the extension ${name} has no value`)
  const textBytes = value.$case === 'text' ? Buffer.byteLength(value.value) : 0
  const valueLength = lengthOfValue(value, textBytes)
  const nameLength = Buffer.byteLength(name)
  writeVarint(tag.extensions)
  writeVarint(2 + varintLength(nameLength) + nameLength + varintLength(valueLength) + valueLength)
  writePresent(extensionTag.key, name)
  writeVarint(extensionTag.value)
  writeVarint(valueLength)
  if (value.$case === 'text') writePresent(extensionTag.text, value.value)
  else {
    writeVarint(extensionTag[value.$case])
    writeVarint(value.$case === 'integer' ? zigzag(value.value) : Number(value.value))
  }
}

/** Where an empty text is something else than none. */
function writePresent(fieldTag: number, text: string): void {
  if (text !== '') {
    writeText(fieldTag, text)
    return
  }
  writeVarint(fieldTag)
  writeVarint(0)
}

function lengthOfValue(value: NonNullable<AttributeValue['value']>, textBytes: number): number {
  if (value.$case === 'text') return 1 + varintLength(textBytes) + textBytes
  return 1 + (value.$case === 'integer' ? varintLength(zigzag(value.value)) : 1)
}

/** 32-bit integers with the sign in the lowest bit. */
function zigzag(value: number): number {
  return ((value << 1) ^ (value >> 31)) >>> 0
}
