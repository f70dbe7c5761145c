import { maxJsonDepth } from '@millrace/catalog/json-depth'
import { skipBlanks } from './scan-json.ts'

/**
 * One pass over JSON text of which nothing is known yet, without making anything of it. What it passes, JSON.parse
 * would read too, and it nests no deeper than data may; -1 says no more than that somebody else has to look, who can
 * tell what is wrong. That the bytes are UTF-8 is for the caller to know.
 */

const quote = 0x22
const backslash = 0x5c
const openBrace = 0x7b
const closeBrace = 0x7d
const openBracket = 0x5b
const closeBracket = 0x5d
const comma = 0x2c
const colon = 0x3a
const minus = 0x2d
const zero = 0x30

/** What is open: 1 for an object, 0 for an array. Nothing that is called from here comes back. */
const open = new Uint8Array(maxJsonDepth)

/** Whether all of it is one JSON value that data may be; not whether it is UTF-8. */
export function isStrictJson(json: Buffer): boolean {
  const end = strictValueEnd(json, skipBlanks(json, 0))
  return end !== -1 && skipBlanks(json, end) === json.length
}

/** The offset behind the value at `start`, or -1. */
export function strictValueEnd(json: Buffer, start: number): number {
  let at = start
  let depth = 0
  for (;;) {
    const first = json[at]
    if (first === openBrace || first === openBracket) {
      if (depth === maxJsonDepth) return -1
      const isObject = first === openBrace
      at = skipBlanks(json, at + 1)
      if (json[at] !== (isObject ? closeBrace : closeBracket)) {
        open[depth] = isObject ? 1 : 0
        depth += 1
        if (isObject) at = strictNameEnd(json, at)
        if (at === -1) return -1
        continue
      }
      at += 1
    } else {
      at = first === quote ? strictStringEnd(json, at) : scalarEnd(json, at)
      if (at === -1) return -1
    }
    // Behind a value.
    for (;;) {
      if (depth === 0) return at
      at = skipBlanks(json, at)
      const isObject = open[depth - 1] === 1
      const byte = json[at]
      at += 1
      if (byte === comma) break
      if (byte !== (isObject ? closeBrace : closeBracket)) return -1
      depth -= 1
    }
    at = skipBlanks(json, at)
    if (open[depth - 1] === 1) at = strictNameEnd(json, at)
    if (at === -1) return -1
  }
}

/** From a member's name to its value, or -1. */
function strictNameEnd(json: Buffer, start: number): number {
  if (json[start] !== quote) return -1
  const end = strictStringEnd(json, start)
  if (end === -1) return -1
  const at = skipBlanks(json, end)
  return json[at] === colon ? skipBlanks(json, at + 1) : -1
}

/** The offset behind the string whose quote is at `start`, or -1. */
function strictStringEnd(json: Buffer, start: number): number {
  const { length } = json
  let at = start + 1
  while (at < length) {
    const byte = json[at] as number
    if (byte === quote) return at + 1
    if (byte < 0x20) return -1
    if (byte === backslash) {
      const escaped = escapeLength(json, at + 1)
      if (escaped === 0) return -1
      at += escaped
    }
    at += 1
  }
  return -1
}

/** Of what stands behind a backslash; 0 for what may not. */
function escapeLength(json: Buffer, at: number): number {
  switch (json[at]) {
    case quote:
    case backslash:
    case 0x2f: // /
    case 0x62: // b
    case 0x66: // f
    case 0x6e: // n
    case 0x72: // r
    case 0x74: // t
      return 1
    case 0x75: // u
      for (let digit = at + 1; digit <= at + 4; digit += 1) if (!isHex(json[digit])) return 0
      return 5
    default:
      return 0
  }
}

function isHex(byte = 0): boolean {
  return isDigit(byte) || ((byte | 0x20) >= 0x61 && (byte | 0x20) <= 0x66)
}

function isDigit(byte = 0): boolean {
  return byte >= zero && byte <= 0x39
}

function scalarEnd(json: Buffer, start: number): number {
  const first = json[start]
  if (first === minus || isDigit(first)) return numberEnd(json, start)
  if (first === 0x74) return wordEnd(json, start, 'true')
  if (first === 0x66) return wordEnd(json, start, 'false')
  return first === 0x6e ? wordEnd(json, start, 'null') : -1
}

function wordEnd(json: Buffer, start: number, word: string): number {
  for (let at = 1; at < word.length; at += 1) if (json[start + at] !== word.charCodeAt(at)) return -1
  return start + word.length
}

function numberEnd(json: Buffer, start: number): number {
  let at = json[start] === minus ? start + 1 : start
  if (json[at] === zero) at += 1
  else at = digitsEnd(json, at)
  if (at !== -1 && json[at] === 0x2e) at = digitsEnd(json, at + 1)
  if (at !== -1 && ((json[at] ?? 0) | 0x20) === 0x65) {
    const sign = json[at + 1]
    at = digitsEnd(json, sign === minus || sign === 0x2b ? at + 2 : at + 1)
  }
  return at
}

/** Behind one digit at least, or -1. */
function digitsEnd(json: Buffer, start: number): number {
  let at = start
  while (isDigit(json[at])) at += 1
  return at === start ? -1 : at
}
