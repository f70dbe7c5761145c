import type { Event } from '@millrace/proto'

/** A number that a double may not hold exactly. */
export class ExactNumber {
  readonly text: string

  constructor(text: string) {
    this.text = text
  }
}

/** An event as one JSON document, the way CloudEvents writes it, read without building it. */
export interface EventReader {
  readonly event: Event
  /** Parsed `data`; undefined when there is none or it is no JSON. */
  readonly data: unknown
  /** What a JSON Pointer's tokens lead to; undefined when there is no such member. */
  read(tokens: readonly string[]): unknown
  /** A context attribute as text, for filters; undefined when the event lacks it. */
  attribute(name: string): string | undefined
}

/** Tokens of a JSON Pointer. Source: RFC 6901, section 4. */
export function parsePointer(pointer: string): readonly string[] {
  return pointer
    .split('/')
    .slice(1)
    .map((token) => token.replaceAll('~1', '/').replaceAll('~0', '~'))
}

/** @param text of `data` when it is JSON; @param data the same, parsed */
export function createEventReader(event: Event, text: string | undefined, data: unknown): EventReader {
  return new JsonEventReader(event, text, data)
}

/** A class, since one is made for each event. */
class JsonEventReader implements EventReader {
  readonly event: Event
  readonly data: unknown
  readonly #text: string | undefined
  #exact: unknown

  constructor(event: Event, text: string | undefined, data: unknown) {
    this.event = event
    this.data = data
    this.#text = text
  }

  read(tokens: readonly string[]): unknown {
    const member = tokens[0] ?? ''
    if (member === 'data') return step(this.#exactData(), tokens)
    return tokens.length <= 1 ? readAttribute(this.event, member) : undefined
  }

  attribute(name: string): string | undefined {
    const value = readAttribute(this.event, name)
    return value === undefined ? undefined : String(value)
  }

  #exactData(): unknown {
    if (this.#text === undefined) return undefined
    this.#exact ??= mayHoldLongNumbers(this.#text) ? parseExactly(this.#text) : this.data
    return this.#exact
  }
}

// Fifteen digits and exponents of two survive a double, so what is shorter needs no second look.
const longNumber = /[\d.]{16}|\d[eE][+-]?\d{3}/

function mayHoldLongNumbers(text: string): boolean {
  return longNumber.test(text)
}

type ReviverWithSource = (key: string, value: unknown, context: { source?: string }) => unknown

function parseExactly(text: string): unknown {
  const keepDigits: ReviverWithSource = (_key, value, { source }) =>
    typeof value === 'number' && source !== undefined && longNumber.test(source)
      ? new ExactNumber(source)
      : value
  return JSON.parse(text, keepDigits as (key: string, value: unknown) => unknown)
}

/** @param tokens the first one led to `from` */
function step(from: unknown, tokens: readonly string[]): unknown {
  let value = from
  for (let at = 1; at < tokens.length; at += 1) {
    const token = tokens[at] ?? ''
    if (typeof value !== 'object' || value === null || value instanceof ExactNumber) return undefined
    if (Array.isArray(value) && !/^(?:0|[1-9]\d*)$/.test(token)) return undefined
    if (!Object.hasOwn(value, token)) return undefined
    value = (value as Record<string, unknown>)[token]
  }
  return value
}

function readAttribute(event: Event, name: string): string | number | boolean | undefined {
  switch (name) {
    case 'specversion':
      return '1.0'
    case 'id':
      return event.id
    case 'source':
      return event.source
    case 'type':
      return event.type
    case 'subject':
      return event.subject === '' ? undefined : event.subject
    case 'time':
      return formatTime(event.occurredAtUs)
    case 'datacontenttype':
      return event.dataContentType === '' ? undefined : event.dataContentType
    case 'dataschema':
      return event.dataSchema === '' ? undefined : event.dataSchema
    default:
      return Object.hasOwn(event.extensions, name) ? event.extensions[name]?.value?.value : undefined
  }
}

/** RFC 3339 in UTC; a fraction only where there is one. @param timeUs within the years 0 to 9999 */
function formatTime(timeUs: number): string {
  const seconds = Math.floor(timeUs / 1_000_000)
  const fraction = timeUs - seconds * 1_000_000
  const text = new Date(seconds * 1_000).toISOString().slice(0, 19)
  return fraction === 0 ? `${text}Z` : `${text}.${String(fraction).padStart(6, '0').replace(/0+$/, '')}Z`
}
