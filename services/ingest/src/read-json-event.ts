import { isUtf8 } from 'node:buffer'
import { isJsonMediaType } from '@millrace/catalog/media-type'
import type { Event } from '@millrace/proto'
import { checkDepth } from './check-depth.ts'
import { noData, type Reception, type Report, readEvent } from './read-event.ts'
import { scanMembers, skipValue } from './scan-json.ts'
import { isStrictJson } from './strict-json.ts'

/** An event, and where the text behind it goes on. */
export interface ReadEvent {
  readonly event: Event
  readonly end: number
}

/** Where an event's data stands in the text. */
interface Place {
  dataStart: number
  dataEnd: number
  /** Members in the text; more than in the parsed object when a name repeats. */
  members: number
}

/**
 * One event of a JSON text, with its data as the bytes that were sent.
 * @param value what the text at `start` was parsed to
 */
export function readJsonEvent(
  text: Buffer,
  value: unknown,
  start: number,
  reception: Reception,
  report: Report,
): ReadEvent {
  if (!isObject(value)) {
    report('', 'has to be a JSON object: an event')
    const event = readEvent({ type: '?' }, { ...reception, fillIn: true }, report)
    return { event, end: skipValue(text, start) }
  }
  const place = { dataStart: -1, dataEnd: -1, members: 0 }
  const end = locate(text, start, place)
  return { event: readObject(text, value, place, reception, report), end }
}

function locate(text: Buffer, start: number, place: Place): number {
  return scanMembers(text, start, (keyStart, keyEnd, valueStart, valueEnd) => {
    place.members += 1
    if (isData(text, keyStart, keyEnd)) {
      place.dataStart = valueStart
      place.dataEnd = valueEnd
    }
  })
}

/** Whether a key, quotes included, is "data"; it may be spelled with escapes. */
function isData(text: Buffer, start: number, end: number): boolean {
  if (end - start === 6) {
    return (
      text[start + 1] === 0x64 &&
      text[start + 2] === 0x61 &&
      text[start + 3] === 0x74 &&
      text[start + 4] === 0x61
    )
  }
  // With an escape at least; few names are as long.
  if (end - start < 11) return false
  const key = text.subarray(start, end)
  return key.includes(0x5c) && JSON.parse(key.toString()) === 'data'
}

/** The members that are no attributes. Source: CloudEvents JSON format, section 3.1. */
const dataMembers: ReadonlySet<string> = new Set(['data', 'data_base64'])

function readObject(
  text: Buffer,
  value: Record<string, unknown>,
  place: Place,
  reception: Reception,
  report: Report,
): Event {
  const { data, data_base64: base64 } = value
  if (place.members !== Object.keys(value).length)
    report('', 'holds a member’s name more than once; each may stand in an event once')
  const event = readEvent(value, reception, report, dataMembers)
  if (base64 !== undefined && base64 !== null) {
    if (data !== undefined && data !== null) report('/data_base64', 'excludes data: send one of both')
    event.data = decodeBase64(base64, report)
    if (event.dataContentType === '') event.dataContentType = 'application/octet-stream'
    else if (isJsonMediaType(event.dataContentType)) checkJson(event.data, '/data_base64', report)
  } else if (data !== undefined) {
    const isOtherText = typeof data === 'string' && !isJsonMediaType(event.dataContentType)
    event.data = isOtherText ? Buffer.from(data) : text.subarray(place.dataStart, place.dataEnd)
    const fault = isOtherText ? undefined : checkDepth(event.data)
    if (fault !== undefined) report('/data', fault)
  }
  return event
}

function decodeBase64(value: unknown, report: Report): Buffer {
  const bytes = typeof value === 'string' ? Buffer.from(value, 'base64') : undefined
  // Node skips what is not base64; the way back shows it.
  if (bytes !== undefined && bytes.toString('base64') === value) return bytes
  report('/data_base64', 'has to be a string in base64 (RFC 4648, section 4), padding included')
  return noData
}

/** Data of a JSON media type that came as bytes has to be JSON, and within the depth that the others can work on. */
export function checkJson(data: Buffer, pointer: string, report: Report): void {
  // Nearly all of it is: only what is not has to be parsed, which tells why.
  if (isUtf8(data) && isStrictJson(data)) return
  const fault = checkDepth(data)
  if (fault !== undefined) {
    report(pointer, fault)
    return
  }
  try {
    if (isUtf8(data)) JSON.parse(data.toString())
    else report(pointer, 'is not UTF-8 although its media type is JSON')
  } catch (error) {
    report(pointer, `is not JSON although its media type is: ${(error as Error).message}`)
  }
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
