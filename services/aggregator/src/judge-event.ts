import { isUtf8 } from 'node:buffer'
import { type Duration, subtractDuration } from '@millrace/catalog/duration'
import { isNestedTooDeep, maxJsonDepth } from '@millrace/catalog/json-depth'
import { isJsonMediaType } from '@millrace/catalog/media-type'
import type { Event } from '@millrace/proto'
import type { Rate } from './choose-rate.ts'
import type { PreparedMeter } from './prepare-meter.ts'
import { createEventReader, type EventReader } from './read-event.ts'
import { type Reading, takeReadings } from './take-readings.ts'

/** What is wrong with data: the reason, and a JSON Pointer into the data. */
export interface DataFault {
  readonly reason: string
  readonly pointer: string
}

/** What the catalog says of one event type. */
export interface TypeRules {
  /** Version of the event type; 0 for a type that the catalog does not know. */
  readonly version: number
  /** Undefined when the type has no schema. */
  readonly findFault: ((data: unknown) => DataFault | undefined) | undefined
  readonly maxAge: Duration | undefined
  readonly meters: readonly PreparedMeter[]
  /** What events of the type are worth, in the order of their times. */
  readonly rates?: readonly Rate[]
}

export type Judgement =
  | {
      readonly status: 'valid'
      readonly schemaVersion: number
      /** For the rollup. */
      readonly readings: readonly Reading[]
      /** For meters that need every value. */
      readonly values: readonly Reading[]
      readonly valuesMissing: number
    }
  | {
      readonly status: 'invalid'
      readonly schemaVersion: number
      readonly reason: string
      readonly pointer: string
    }

/** 2106-02-07T06:28:16Z: ClickHouse's DateTime, which rollups use, ends there. */
export const endOfTimeUs = 2 ** 32 * 1_000_000

/** Of an event whose key may not send events that are older than their type's maxAge. */
export const tooOldReason = 'time is older than the maxAge of the event type'

/** Decides what becomes of an event: a row with readings, or a row that says why not. Depends on nothing else. */
export function judgeEvent(event: Event, rules: TypeRules): Judgement {
  const invalid = (reason: string, pointer = ''): Judgement => ({
    status: 'invalid',
    schemaVersion: rules.version,
    reason,
    pointer,
  })
  if (event.occurredAtUs < 0 || event.occurredAtUs >= endOfTimeUs) {
    return invalid('time is not between 1970-01-01 and 2106-02-07')
  }
  if (isTooOld(event, rules)) return invalid(tooOldReason)
  const decoded = decode(event)
  if (typeof decoded === 'string') return invalid(decoded)
  if (rules.findFault !== undefined) {
    if (decoded.data === undefined) {
      return invalid('the event has no JSON data, but its type has a schema')
    }
    const fault = rules.findFault(decoded.data)
    if (fault !== undefined) return invalid(fault.reason, fault.pointer)
  }
  const { readings, values, valuesMissing, outOfRange } = takeReadings(decoded, rules.meters, rules.rates)
  if (outOfRange !== undefined) return invalid(`the number at ${outOfRange} is too large: 1e20 or more`)
  return { status: 'valid', schemaVersion: rules.version, readings, values, valuesMissing }
}

function isTooOld(event: Event, { maxAge }: TypeRules): boolean {
  if (maxAge === undefined || event.backfill) return false
  return event.occurredAtUs < subtractDuration(event.receivedAtUs, maxAge)
}

/** @returns what is wrong, as text, when the data is not what its media type says */
function decode(event: Event): EventReader | string {
  const { data } = event
  if (data.length === 0 || !isJsonMediaType(event.dataContentType)) {
    return createEventReader(event, undefined, undefined)
  }
  const text = data.toString()
  // What is no UTF-8 is read as U+FFFD, which may also stand there itself.
  if (text.includes('\ufffd') && !isUtf8(data)) return 'data is not UTF-8'
  // Ingest refuses it; others write to the topic too.
  if (isNestedTooDeep(data)) return `data is nested deeper than ${maxJsonDepth} levels`
  try {
    return createEventReader(event, text, JSON.parse(text))
  } catch {
    return 'data is not JSON'
  }
}
