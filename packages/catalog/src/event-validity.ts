import { isUtf8 } from 'node:buffer'
import type { Event } from '@millrace/proto'
import { parseTimestamp } from '@millrace/service-kit/timestamp'
import { type Duration, parseDuration, subtractDuration } from './duration.ts'
import { createFaultFinder, type DataFault } from './fault-finder.ts'
import { isNestedTooDeep, maxJsonDepth } from './json-depth.ts'
import { isJsonMediaType } from './media-type.ts'
import type { EventType } from './resources.ts'

/** What an event of a type is held against. */
export interface ValidityRules {
  /** Undefined when the type has no schema. */
  readonly findFault: ((data: unknown) => DataFault | undefined) | undefined
  readonly maxAge: Duration | undefined
}

/** An event's data when it is JSON, as text and parsed. */
export interface DecodedData {
  readonly text: string | undefined
  readonly data: unknown
}

/** 2106-02-07T06:28:16Z: ClickHouse's DateTime, which rollups use, ends there. */
export const endOfTimeUs = 2 ** 32 * 1_000_000

/** Of an event whose key may not send events that are older than their type's maxAge. */
export const tooOldReason = 'time is older than the maxAge of the event type'

/** Its events are kept, and can be replayed once the type has been written anew. */
const unusableType: ValidityRules = {
  findFault: () => ({ reason: 'the event type cannot be used: write it anew', pointer: '' }),
  maxAge: undefined,
}

/**
 * A type that cannot be used finds every event at fault: passed, they would be counted without their amount, and handed
 * out whatever they are.
 */
export function toValidityRules(type: EventType): ValidityRules {
  if (!isUsableType(type)) return unusableType
  const { schema, maxAge } = type
  return {
    findFault: schema === undefined ? undefined : createFaultFinder(schema),
    maxAge: maxAge === undefined ? undefined : parseDuration(maxAge),
  }
}

/** False for what the catalog refuses, and may have taken before it did. */
export function isUsableType({ maxAge, rates = [] }: EventType): boolean {
  return (
    (maxAge === undefined || (typeof maxAge === 'string' && parseDuration(maxAge) !== undefined)) &&
    Array.isArray(rates) &&
    rates.every(isUsableRate)
  )
}

function isUsableRate(rate: NonNullable<EventType['rates']>[number] | null): boolean {
  if (typeof rate !== 'object' || rate === null) return false
  const { effectiveFrom, amountMinor, currency } = rate
  const isTime = typeof effectiveFrom === 'string' && parseTimestamp(effectiveFrom) !== undefined
  return isTime && Number.isSafeInteger(amountMinor) && typeof currency === 'string'
}

const noData: DecodedData = { text: undefined, data: undefined }

/** An event that may have its data as text already. */
type ReadableEvent = Event & { readonly dataText?: string }

/** Whether an event is valid: what is wrong with it, or its data. Depends on nothing else. */
export function checkValidity(event: ReadableEvent, rules: ValidityRules): DecodedData | DataFault {
  if (event.occurredAtUs < 0 || event.occurredAtUs >= endOfTimeUs) {
    return fault('time is not between 1970-01-01 and 2106-02-07')
  }
  if (isTooOld(event, rules)) return fault(tooOldReason)
  const decoded = decode(event)
  if ('reason' in decoded || rules.findFault === undefined) return decoded
  if (decoded.data === undefined) return fault('the event has no JSON data, but its type has a schema')
  return rules.findFault(decoded.data) ?? decoded
}

function fault(reason: string): DataFault {
  return { reason, pointer: '' }
}

function isTooOld(event: Event, { maxAge }: ValidityRules): boolean {
  if (maxAge === undefined || event.backfill) return false
  return event.occurredAtUs < subtractDuration(event.receivedAtUs, maxAge)
}

/** @returns what is wrong when the data is not what its media type says */
function decode(event: ReadableEvent): DecodedData | DataFault {
  if (!isJsonMediaType(event.dataContentType)) return noData
  const text = event.dataText ?? event.data.toString()
  if (text === '') return noData
  // What is no UTF-8 is read as U+FFFD, which may also stand there itself.
  if (text.includes('\ufffd') && !isUtf8(event.data)) return fault('data is not UTF-8')
  // Ingest refuses it; others write to the topic too. Each level takes a character at least.
  if (text.length > maxJsonDepth && isNestedTooDeep(event.data))
    return fault(`data is nested deeper than ${maxJsonDepth} levels`)
  try {
    return { text, data: JSON.parse(text) as unknown }
  } catch {
    return fault('data is not JSON')
  }
}
