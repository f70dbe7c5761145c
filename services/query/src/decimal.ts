import { fractionDigits } from '@millrace/service-kit/format-decimal'

const unit = 10n ** BigInt(fractionDigits)

const form = /^(-?)(\d+)(?:\.(\d{1,18}))?$/

/** @throws {Error} when the text is no decimal of at most 18 fractional digits */
export function parseDecimal(text: string): bigint {
  const match = form.exec(text)
  if (match === null) throw new Error('not a decimal of at most 18 fractional digits')
  const [, sign, whole = '0', fraction = ''] = match
  const magnitude = BigInt(whole) * unit + BigInt(fraction.padEnd(fractionDigits, '0'))
  return sign === '-' ? -magnitude : magnitude
}

/** The quotient to 18 fractional digits, halves to the even neighbour. */
export function divideDecimal(dividend: bigint, count: bigint): bigint {
  if (count <= 0n) throw new RangeError('the count is not positive')
  const magnitude = dividend < 0n ? -dividend : dividend
  const quotient = magnitude / count
  const twiceRest = (magnitude % count) * 2n
  const up = twiceRest > count || (twiceRest === count && quotient % 2n === 1n)
  const rounded = up ? quotient + 1n : quotient
  return dividend < 0n ? -rounded : rounded
}
