/** Decimals are whole numbers of 1e-18, as BigInt: fractional digits of ClickHouse's Decimal(38, 18). */
export const fractionDigits = 18

const one = 10n ** BigInt(fractionDigits)

/** The shortest text of a count of 1e-18; also a valid JSON number. */
export function formatDecimal(value: bigint): string {
  const size = value < 0n ? -value : value
  const whole = size / one
  const fraction = (size % one).toString().padStart(fractionDigits, '0').replace(/0+$/, '')
  return `${value < 0n ? '-' : ''}${whole}${fraction === '' ? '' : `.${fraction}`}`
}
