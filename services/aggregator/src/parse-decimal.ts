import { fractionDigits } from '@millrace/service-kit/format-decimal'

/** Readings are smaller than 1e20 in size. */
const integerDigits = 20
const powersOfTen = Array.from(
  { length: fractionDigits + integerDigits + 1 },
  (_, power) => 10n ** BigInt(power),
)
const limit = 10n ** BigInt(fractionDigits + integerDigits)

const form = /^([+-]?)(\d+)(?:\.(\d+))?(?:[eE]([+-]?\d+))?$/

/**
 * Reads a decimal number exactly, as a count of 1e-18; further digits are rounded half to even.
 * Its cost grows with the text's length only, whatever the exponent says.
 * @returns undefined when the text is no number, 'out-of-range' when its size is 1e20 or more
 */
export function parseDecimal(text: string): bigint | 'out-of-range' | undefined {
  const match = form.exec(text)
  if (match === null) return undefined
  const [, sign = '', whole = '', fraction = '', exponent = '0'] = match
  const all = whole + fraction
  let first = 0
  while (first < all.length && all.charCodeAt(first) === 48) first += 1
  if (first === all.length) return 0n
  const digits = all.slice(first)
  // Digits before the decimal point; infinite exponents are as good as any that is out of range.
  const magnitude = whole.length - first + Number(exponent)
  if (magnitude > integerDigits) return 'out-of-range'
  const kept = magnitude + fractionDigits
  const size = kept < 0 ? 0n : roundHalfEven(digits, kept)
  if (size >= limit) return 'out-of-range'
  return sign === '-' ? -size : size
}

const one = 10n ** BigInt(fractionDigits)

let lastInteger = 0
let lastDecimal = 0n

/** The same of a safe integer, all of which are in range. Several meters often read the same one. */
export function decimalOfInteger(value: number): bigint {
  if (value !== lastInteger) {
    lastInteger = value
    lastDecimal = BigInt(value) * one
  }
  return lastDecimal
}

/** From a number where it holds all digits: reading a text as a BigInt takes several times as long. */
function toBigInt(digits: string): bigint {
  return BigInt(digits.length <= 15 ? Number(digits) : digits)
}

/** The first `kept` digits as a number, zeros appended where there are fewer. */
function roundHalfEven(digits: string, kept: number): bigint {
  if (kept >= digits.length) return toBigInt(digits) * (powersOfTen[kept - digits.length] ?? 0n)
  const floor = kept === 0 ? 0n : toBigInt(digits.slice(0, kept))
  const next = digits.charCodeAt(kept) - 48
  const exactHalf = next === 5 && /^0*$/.test(digits.slice(kept + 1))
  const up = exactHalf ? (floor & 1n) === 1n : next >= 5
  return up ? floor + 1n : floor
}

/** One text for all that write the same number: digits without zeros at either end, and their exponent. */
export function canonicalDecimal(text: string): string | undefined {
  const match = form.exec(text)
  if (match === null) return undefined
  const [, sign = '', whole = '', fraction = '', exponent = '0'] = match
  const all = (whole + fraction).replace(/^0+/, '')
  const digits = all.replace(/0+$/, '')
  if (digits === '') return '0'
  const power = Number(exponent) - fraction.length + (all.length - digits.length)
  return `${sign === '-' ? '-' : ''}${digits}e${power}`
}
