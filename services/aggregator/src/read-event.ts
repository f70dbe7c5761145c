import { readAttribute, readAttributeText } from '@millrace/catalog/event-attribute'
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
    return readAttributeText(this.event, name)
  }

  #exactData(): unknown {
    if (this.#text === undefined) return undefined
    this.#exact ??= mayHoldLongNumbers(this.#text) ? parseExactly(this.#text) : this.data
    return this.#exact
  }
}

// Fifteen digits and exponents of two survive a double, so what is shorter needs no second look.
const longNumber = /[\d.]{16}|\d[eE][+-]?\d{3}/
const longDigits = 16
const longExponentDigits = 3

/**
 * Never false where a number of the JSON text matches `longNumber`. Any such number has three digits after each other, of
 * which one stands at every third place: so looking at each third character is enough, and a fifth of what the expression
 * costs.
 */
export function mayHoldLongNumbers(text: string): boolean {
  const step = longExponentDigits
  for (let at = step - 1; at < text.length; at += step) {
    if (!isDigit(text.charCodeAt(at))) continue
    let start = at
    while (isDigitOrPoint(text.charCodeAt(start - 1))) start -= 1
    let end = at + 1
    while (isDigitOrPoint(text.charCodeAt(end))) end += 1
    const digits = end - start
    if (digits >= longDigits || (digits >= longExponentDigits && isExponent(text, start))) return true
    // On with the first of its places that lies behind the number.
    at += Math.floor((end - at - 1) / step) * step
  }
  return false
}

/** Whether the digits from `start` on follow an e, or an e and a sign. */
function isExponent(text: string, start: number): boolean {
  const last = text.charCodeAt(start - 1)
  const sign = last === 43 || last === 45
  // "E" and "e" differ by one bit.
  return ((sign ? text.charCodeAt(start - 2) : last) | 32) === 101
}

function isDigit(unit: number): boolean {
  return unit >= 48 && unit <= 57
}

function isDigitOrPoint(unit: number): boolean {
  return isDigit(unit) || unit === 46
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
