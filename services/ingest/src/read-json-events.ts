import { isUtf8 } from 'node:buffer'
import type { Event } from '@millrace/proto'
import { ServiceError } from '@millrace/service-kit/errors'
import { createFaultList } from './fault-list.ts'
import type { Reception } from './read-event.ts'
import { readJsonEvent } from './read-json-event.ts'
import { scanElements, skipBlanks } from './scan-json.ts'

/** How a JSON document carries events: one, an array of them, or whichever it is. */
export type JsonLayout = 'one' | 'batch' | 'either'

/**
 * The events of a JSON document, with their data as the bytes that were sent.
 * @throws {ServiceError} `invalid-request` with every fault of every event, `too-large` for more than `maxEvents`
 */
export function readJsonEvents(
  body: Buffer,
  layout: JsonLayout,
  reception: Reception,
  maxEvents: number,
): Event[] {
  const document = parse(body)
  const start = skipBlanks(body, 0)
  const faults = createFaultList()
  const events: Event[] = []
  const add = (value: unknown, at: number): number => {
    const { event, end } = readJsonEvent(body, value, at, reception, faults.reportOf(events.length))
    events.push(event)
    return end
  }
  if (isBatch(document, layout)) {
    if (document.length > maxEvents) throw tooMany(maxEvents)
    scanElements(body, start, (at) => add(document[events.length], at))
  } else add(document, start)
  faults.refuse()
  return events
}

function parse(body: Buffer): unknown {
  if (body.length === 0) throw new ServiceError('invalid-request', 'The body is empty. Send an event.')
  if (!isUtf8(body)) throw new ServiceError('invalid-request', 'The body is not UTF-8.')
  try {
    return JSON.parse(body.toString()) as unknown
  } catch (error) {
    throw new ServiceError('invalid-request', `The body is not valid JSON: ${(error as Error).message}`)
  }
}

function isBatch(document: unknown, layout: JsonLayout): document is unknown[] {
  const isArray = Array.isArray(document)
  if (isArray && layout === 'one') {
    throw new ServiceError(
      'invalid-request',
      'A single event is a JSON object. Send an array of events as application/cloudevents-batch+json.',
    )
  }
  if (!isArray && layout === 'batch') {
    throw new ServiceError(
      'invalid-request',
      'A batch is a JSON array of events. Send a single event as application/cloudevents+json.',
    )
  }
  return isArray
}

export function tooMany(maxEvents: number): ServiceError {
  return new ServiceError('too-large', `A request holds at most ${maxEvents} events. Send smaller batches.`)
}
