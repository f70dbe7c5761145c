/**
 * Finds where values stand in JSON text, so that they can be passed on as the bytes they came as: a parsed number
 * has lost the digits that a double does not hold. Everything here expects valid JSON in UTF-8, which JSON.parse
 * and isUtf8 have checked before; other bytes give meaningless offsets, but every loop ends with the bytes.
 */

const quote = 0x22
const backslash = 0x5c
const openBrace = 0x7b
const closeBrace = 0x7d
const openBracket = 0x5b
const closeBracket = 0x5d
const comma = 0x2c

/** Called with a member's key (quotes included) and value as offsets. */
export type VisitMember = (keyStart: number, keyEnd: number, valueStart: number, valueEnd: number) => void

/** Visits the members of the object at `start`; returns the offset behind it. */
export function scanMembers(json: Buffer, start: number, visit: VisitMember): number {
  let at = skipBlanks(json, start + 1)
  while (at < json.length && json[at] !== closeBrace) {
    const keyEnd = skipString(json, at)
    const valueStart = skipBlanks(json, skipBlanks(json, keyEnd) + 1)
    const valueEnd = skipValue(json, valueStart)
    visit(at, keyEnd, valueStart, valueEnd)
    at = skipBlanks(json, valueEnd)
    if (json[at] === comma) at = skipBlanks(json, at + 1)
  }
  return at + 1
}

/** Visits the elements of the array at `start`: `visit` gets where one begins and returns the offset behind it. */
export function scanElements(json: Buffer, start: number, visit: (start: number) => number): number {
  let at = skipBlanks(json, start + 1)
  while (at < json.length && json[at] !== closeBracket) {
    at = skipBlanks(json, visit(at))
    if (json[at] === comma) at = skipBlanks(json, at + 1)
  }
  return at + 1
}

/** The offset behind the value at `start`. */
export function skipValue(json: Buffer, start: number): number {
  const first = json[start]
  if (first === quote) return skipString(json, start)
  let at = start
  if (first !== openBrace && first !== openBracket) {
    while (at < json.length && !endsScalar(json[at])) at += 1
    return at
  }
  let depth = 0
  while (at < json.length) {
    const byte = json[at]
    if (byte === quote) {
      at = skipString(json, at)
      continue
    }
    at += 1
    if (byte === openBrace || byte === openBracket) depth += 1
    else if ((byte === closeBrace || byte === closeBracket) && --depth === 0) return at
  }
  return at
}

/** The offset of the first byte from `at` that is not a blank. */
export function skipBlanks(json: Buffer, at: number): number {
  let next = at
  while (next < json.length && isBlank(json[next])) next += 1
  return next
}

/** The offset behind the string at `start`. */
export function skipString(json: Buffer, start: number): number {
  let at = start + 1
  while (at < json.length && json[at] !== quote) at += json[at] === backslash ? 2 : 1
  return at + 1
}

function isBlank(byte: number | undefined): boolean {
  return byte === 0x20 || byte === 0x0a || byte === 0x0d || byte === 0x09
}

function endsScalar(byte: number | undefined): boolean {
  return byte === comma || byte === closeBrace || byte === closeBracket || isBlank(byte)
}
