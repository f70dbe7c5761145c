import type { AttributeValue, Event } from '@millrace/proto'
import { parseTimestamp, timestampRange } from '@millrace/service-kit/timestamp'
import { checkMediaType, checkText, checkUri, checkUriReference } from './check-attribute.ts'

/** What the receiver knows of an event, whatever the event says. */
export interface Reception {
  readonly tenant: string
  readonly application: string
  /** The key may send events that are older than their type's maxAge. */
  readonly backfill: boolean
  /** Microseconds since 1970. */
  readonly receivedAtUs: number
  /** Of the request. */
  readonly traceparent: string
  /** The event's own trace, continued; undefined when its `traceparent` is not one. */
  readonly continueTrace: (traceparent: string) => string | undefined
  /** id, source and specversion may be missing and are filled in. */
  readonly fillIn: boolean
  readonly newId: () => string
}

/** Tells of a fault of the event: where (JSON Pointer) and what to change. */
export type Report = (pointer: string, detail: string) => void

const integerRange = { min: -(2 ** 31), max: 2 ** 31 - 1 }

/**
 * An event from CloudEvents context attributes as they came: JSON values of the names of the specification. Its data
 * is for the caller to add. Of a faulty one the rest is still read, so that all faults are told at once.
 * Source: CloudEvents 1.0.2, sections "Context Attributes" and "Type System".
 * @param others names that stand among the attributes and are none
 */
export function readEvent(
  attributes: Readonly<Record<string, unknown>>,
  reception: Reception,
  report: Report,
  others: ReadonlySet<string> = none,
): Event {
  const event = newEvent(reception)
  let version: unknown
  for (const name of Object.keys(attributes)) {
    if (others.has(name)) continue
    const value = attributes[name]
    // An attribute that is null counts as absent. Source: CloudEvents JSON format, section 2.2.
    if (value === null || value === undefined) continue
    if (name === 'specversion') version = value
    else readAttribute(event, name, value, reception, report)
  }
  checkRequired(event, version, reception, report)
  return event
}

const none: ReadonlySet<string> = new Set()

function newEvent({ tenant, application, backfill, receivedAtUs, traceparent }: Reception): Event {
  return {
    tenant,
    source: '',
    id: '',
    type: '',
    subject: '',
    occurredAtUs: receivedAtUs,
    receivedAtUs,
    dataContentType: '',
    dataSchema: '',
    data: noData,
    extensions: {},
    traceparent,
    application,
    backfill,
  }
}

export const noData = Buffer.alloc(0)

function readAttribute(
  event: Event,
  name: string,
  value: unknown,
  reception: Reception,
  report: Report,
): void {
  switch (name) {
    case 'id':
      event.id = readText(name, value, checkText, report)
      return
    case 'type':
      event.type = readText(name, value, checkText, report)
      return
    case 'subject':
      event.subject = readText(name, value, checkText, report)
      return
    case 'source':
      event.source = readText(name, value, checkUriReference, report)
      return
    case 'dataschema':
      event.dataSchema = readText(name, value, checkUri, report)
      return
    case 'datacontenttype':
      event.dataContentType = readText(name, value, checkMediaType, report)
      return
    case 'time':
      event.occurredAtUs = readTime(value, report) ?? event.receivedAtUs
      return
    default:
      readExtension(event, name, value, reception, report)
  }
}

/** The text when it is one that passes; else a text that is not empty, so that it is not called missing as well. */
function readText(
  name: string,
  value: unknown,
  check: (text: string) => string | undefined,
  report: Report,
): string {
  const fault = typeof value === 'string' ? check(value) : 'has to be a string'
  if (fault === undefined) return value as string
  report(`/${name}`, fault)
  return '?'
}

function readTime(value: unknown, report: Report): number | undefined {
  const us = typeof value === 'string' ? parseTimestamp(value) : undefined
  if (us === undefined) {
    report('/time', `has to be an RFC 3339 time such as "2026-01-31T12:00:00.000001Z", ${timestampRange}`)
  }
  return us
}

function readExtension(
  event: Event,
  name: string,
  value: unknown,
  reception: Reception,
  report: Report,
): void {
  const pointer = `/${name.replaceAll('~', '~0').replaceAll('/', '~1')}`
  if (!/^[a-z0-9]{1,64}$/.test(name) || name === 'data') {
    report(pointer, 'is not a name that an extension attribute may have: 1 to 64 of a-z and 0-9')
    return
  }
  const read = readExtensionValue(value)
  if (typeof read === 'string') {
    report(pointer, read)
    return
  }
  event.extensions[name] = read
  if (name === 'traceparent' && typeof value === 'string') {
    event.traceparent = reception.continueTrace(value) ?? event.traceparent
  }
}

function readExtensionValue(value: unknown): AttributeValue | string {
  switch (typeof value) {
    case 'boolean':
      return { value: { $case: 'boolean', value } }
    case 'number':
      if (Number.isInteger(value) && value >= integerRange.min && value <= integerRange.max)
        return { value: { $case: 'integer', value } }
      return 'has to be an integer of 32 bits; send other numbers as strings'
    case 'string':
      return (value === '' ? undefined : checkText(value)) ?? { value: { $case: 'text', value } }
    default:
      return 'is an extension attribute, which is a string, a boolean or an integer; objects and arrays belong into data'
  }
}

function checkRequired(event: Event, version: unknown, reception: Reception, report: Report): void {
  if (version === undefined ? !reception.fillIn : version !== '1.0') report('/specversion', 'has to be "1.0"')
  if (event.type === '') report('/type', 'is required')
  if (reception.fillIn) {
    if (event.id === '') event.id = reception.newId()
    if (event.source === '') event.source = encodeURIComponent(reception.application)
    return
  }
  if (event.id === '') report('/id', 'is required')
  if (event.source === '') report('/source', 'is required')
}
