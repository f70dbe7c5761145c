import { isUtf8 } from 'node:buffer'
import { isJsonMediaType } from '@millrace/catalog/media-type'
import type { Event } from '@millrace/proto'
import { type Fault, ServiceError } from '@millrace/service-kit/errors'
import { checkDepth } from './check-depth.ts'
import { noData, type Reception, type Report, readEvent } from './read-event.ts'
import { scanElements, scanMembers, skipBlanks, skipValue } from './scan-json.ts'

/** How a body carries events: one, an array of them, whichever it is, or one a line. */
export type JsonLayout = 'one' | 'batch' | 'either' | 'lines'

/** Where an event's data stands in the body. */
interface Place {
  dataStart: number
  dataEnd: number
  /** Members in the text; more than in the parsed object when a name repeats. */
  members: number
}

/**
 * The events of a JSON body, with their data as the bytes that were sent.
 * @throws {ServiceError} `invalid-request` with every fault of every event, `too-large` for more than `maxEvents`
 */
export function readJsonEvents(
  body: Buffer,
  layout: JsonLayout,
  reception: Reception,
  maxEvents: number,
): Event[] {
  if (!isUtf8(body)) throw new ServiceError('invalid-request', 'The body is not UTF-8.')
  const faults: Fault[] = []
  const events: Event[] = []
  const add = (value: unknown, start: number): number => {
    const index = events.length
    if (index === maxEvents) throw tooMany(maxEvents)
    const report: Report = (pointer, detail) => faults.push({ index, pointer, detail })
    const place = { dataStart: -1, dataEnd: -1, members: 0 }
    const end = isObject(value) ? locate(body, start, place) : skipValue(body, start)
    events.push(readOne(body, value, place, reception, report))
    return end
  }
  if (layout === 'lines') readLines(body, add)
  else readDocument(body, layout, add)
  refuseFaulty(faults)
  return events
}

/** @throws {ServiceError} naming the faults, when there are any */
export function refuseFaulty(faults: readonly Fault[]): void {
  if (faults.length === 0) return
  const shown = faults.slice(0, maxFaults)
  const more = faults.length > shown.length ? ` The first ${maxFaults} faults are listed.` : ''
  throw new ServiceError(
    'invalid-request',
    `Nothing was accepted: ${faults.length === 1 ? 'one fault' : `${faults.length} faults`} in the events.${more}`,
    { faults: shown },
  )
}

const maxFaults = 1_000

function readDocument(
  body: Buffer,
  layout: JsonLayout,
  add: (value: unknown, start: number) => number,
): void {
  const document = parse(body.toString(), 'The body')
  const start = skipBlanks(body, 0)
  if (!Array.isArray(document)) {
    if (layout === 'batch') {
      throw new ServiceError(
        'invalid-request',
        'A batch is a JSON array of events. Send a single event as application/cloudevents+json.',
      )
    }
    add(document, start)
    return
  }
  if (layout === 'one') {
    throw new ServiceError(
      'invalid-request',
      'A single event is a JSON object. Send an array of events as application/cloudevents-batch+json.',
    )
  }
  const elements = document as unknown[]
  let index = 0
  scanElements(body, start, (at) => {
    index += 1
    return add(elements[index - 1], at)
  })
}

function readLines(body: Buffer, add: (value: unknown, start: number) => number): void {
  let line = 1
  for (let start = 0; start < body.length; line += 1) {
    const newline = body.indexOf(0x0a, start)
    const end = newline === -1 ? body.length : newline
    const first = skipBlanks(body, start)
    if (first < end) add(parse(body.toString('utf8', start, end), `Line ${line}`), first)
    start = end + 1
  }
}

function tooMany(maxEvents: number): ServiceError {
  return new ServiceError('too-large', `A request holds at most ${maxEvents} events. Send smaller batches.`)
}

function parse(text: string, what: string): unknown {
  try {
    return JSON.parse(text) as unknown
  } catch (error) {
    throw new ServiceError('invalid-request', `${what} is not valid JSON: ${(error as Error).message}`)
  }
}

function locate(body: Buffer, start: number, place: Place): number {
  return scanMembers(body, start, (keyStart, keyEnd, valueStart, valueEnd) => {
    place.members += 1
    if (isData(body, keyStart, keyEnd)) {
      place.dataStart = valueStart
      place.dataEnd = valueEnd
    }
  })
}

/** Whether a key, quotes included, is "data"; it may be spelled with escapes. */
function isData(body: Buffer, start: number, end: number): boolean {
  if (end - start === 6) return body.toString('latin1', start + 1, end - 1) === 'data'
  if (end - start < 11) return false
  const key = body.subarray(start, end)
  return key.includes(0x5c) && JSON.parse(key.toString()) === 'data'
}

function readOne(body: Buffer, value: unknown, place: Place, reception: Reception, report: Report): Event {
  if (!isObject(value)) {
    report('', 'An event is a JSON object.')
    return readEvent({ type: '?' }, { ...reception, fillIn: true }, report)
  }
  const { data, data_base64: base64, ...attributes } = value
  if (place.members !== Object.keys(value).length)
    report('', 'A member’s name stands in the event more than once.')
  const event = readEvent(attributes, reception, report)
  if (base64 !== undefined && base64 !== null) {
    if (data !== undefined && data !== null) report('/data_base64', 'Send either data or data_base64.')
    event.data = decodeBase64(base64, report)
    if (event.dataContentType === '') event.dataContentType = 'application/octet-stream'
    else if (isJsonMediaType(event.dataContentType)) checkJson(event.data, '/data_base64', report)
  } else if (data !== undefined) {
    const isOtherText = typeof data === 'string' && !isJsonMediaType(event.dataContentType)
    event.data = isOtherText ? Buffer.from(data) : body.subarray(place.dataStart, place.dataEnd)
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
