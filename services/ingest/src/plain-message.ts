import { isUtf8 } from 'node:buffer'
import { isStorableTime } from '@millrace/service-kit/timestamp'
import { type EventPlaces, isText, maxTextBytes, names, newPlaces } from './plain-event.ts'
import { skipBlanks } from './scan-json.ts'
import { strictValueEnd } from './strict-json.ts'

/** Where the values of a CloudEvent of gRPC stand in the bytes of its request. */
interface MessagePlaces extends EventPlaces {
  /** Microseconds since 1970; -1 without a time. */
  occurredAtUs: number
  /** Of the whole event. */
  bytes: number
}

/** A request of which nothing is unusual as far as its bytes tell. */
export interface PlainMessage {
  readonly bytes: Buffer
  /** As `findPlainMessage` was told. */
  readonly eventsField: 1 | 2
  readonly events: readonly MessagePlaces[]
}

/** Field numbers with their wire types. Source: millrace/v1/ingest.proto, google/protobuf/timestamp.proto. */
const eventTag = { id: 10, source: 18, version: 26, type: 34, subject: 42, time: 50, mediaType: 58, data: 82 }
const timeTag = { seconds: 8, nanos: 16 }
const outerTag = { events: { 1: 10, 2: 18 }, sequence: 8 } as const

/**
 * Finds the events of a request without decoding any, or undefined as soon as anything is unusual: then it is for the
 * decoder. What passes is well formed, each field once, with attributes of printable ASCII and data that is JSON.
 * @param eventsField of PublishRequest or PublishStreamRequest; the latter has a sequence in front
 */
export function findPlainMessage(message: Buffer, eventsField: 1 | 2): PlainMessage | undefined {
  const found: MessagePlaces[] = []
  let at = 0
  while (at < message.length) {
    const tag = message[at]
    at += 1
    if (tag === outerTag.sequence && eventsField === 2) {
      // Who measured the message has read it.
      while ((message[at] ?? 0) >= 0x80) at += 1
      at += 1
      continue
    }
    const length = tag === outerTag.events[eventsField] ? readVarint(message, at) : -1
    at = varintEnd
    const places = length === -1 ? undefined : readEvent(message, at, at + length)
    if (places === undefined) return undefined
    found.push(places)
    at += length
  }
  return found.length === 0 ? undefined : { bytes: message, eventsField, events: found }
}

function readEvent(message: Buffer, start: number, end: number): MessagePlaces | undefined {
  if (end > message.length) return undefined
  const places: MessagePlaces = { ...newPlaces(), occurredAtUs: -1, bytes: end - start }
  let at = start
  while (at < end) {
    const tag = message[at]
    const length = readVarint(message, at + 1)
    at = varintEnd + length
    if (length <= 0 || at > end || !readField(message, tag, varintEnd, at, places)) return undefined
  }
  return places
}

/** False for a field that is not one of these, stands here twice, or is not as it usually is. */
function readField(
  message: Buffer,
  tag: number | undefined,
  start: number,
  end: number,
  places: MessagePlaces,
): boolean {
  if (tag === eventTag.data) {
    if (places.dataEnd !== 0 || !isJson(message, start, end)) return false
    places.dataStart = start
    places.dataEnd = end
    return true
  }
  if (tag === eventTag.time) {
    if (places.occurredAtUs !== -1) return false
    places.occurredAtUs = readTime(message, start, end)
    return places.occurredAtUs !== -1
  }
  return isPrintable(message, start, end) && setText(message, tag, start, end, places)
}

function setText(
  message: Buffer,
  tag: number | undefined,
  start: number,
  end: number,
  places: MessagePlaces,
): boolean {
  switch (tag) {
    case eventTag.id:
      if (places.idEnd !== 0) return false
      places.idStart = start
      places.idEnd = end
      return true
    case eventTag.source:
      if (places.sourceEnd !== 0) return false
      places.sourceStart = start
      places.sourceEnd = end
      return true
    case eventTag.type:
      if (places.typeEnd !== 0) return false
      places.typeStart = start
      places.typeEnd = end
      return true
    case eventTag.subject:
      if (places.subjectEnd !== 0) return false
      places.subjectStart = start
      places.subjectEnd = end
      return true
    case eventTag.version:
      if (places.hasVersion) return false
      places.hasVersion = true
      return isText(message, start, end, names.version)
    case eventTag.mediaType:
      if (places.namesJson) return false
      places.namesJson = true
      return isText(message, start, end, names.json)
    default:
      return false
  }
}

function isPrintable(message: Buffer, start: number, end: number): boolean {
  if (end - start > maxTextBytes) return false
  for (let at = start; at < end; at += 1) {
    const byte = message[at] as number
    if (byte < 0x20 || byte > 0x7e) return false
  }
  return true
}

function isJson(message: Buffer, start: number, end: number): boolean {
  const valueEnd = strictValueEnd(message, skipBlanks(message, start))
  // Behind the data other fields go on, which the scan knows nothing of.
  if (valueEnd === -1 || valueEnd > end || skipBlanks(message, valueEnd) < end) return false
  for (let at = start; at < end; at += 1)
    if ((message[at] as number) >= 0x80) return isUtf8(message.subarray(start, end))
  return true
}

/** Microseconds since 1970, or -1. */
function readTime(message: Buffer, start: number, end: number): number {
  let seconds = 0
  let nanos = 0
  let at = start
  let before = 0
  while (at < end) {
    const tag = message[at] as number
    // In this order, so each once.
    if (tag <= before) return -1
    before = tag
    const value = readVarint(message, at + 1)
    if (value === -1 || varintEnd > end) return -1
    if (tag === timeTag.seconds) seconds = value
    else if (tag === timeTag.nanos) nanos = value
    else return -1
    at = varintEnd
  }
  if (nanos > 999_999_999) return -1
  const us = seconds * 1_000_000 + Math.floor(nanos / 1_000)
  return isStorableTime(us) ? us : -1
}

/** Behind what `readVarint` has read: two results without an object for them. */
let varintEnd = 0

/** A number of at most five bytes, or -1. */
function readVarint(message: Buffer, start: number): number {
  let value = 0
  let scale = 1
  for (let at = start; at < start + 5; at += 1) {
    const byte = message[at]
    if (byte === undefined) return -1
    value += (byte & 0x7f) * scale
    if (byte < 0x80) {
      varintEnd = at + 1
      return value
    }
    scale *= 0x80
  }
  return -1
}
