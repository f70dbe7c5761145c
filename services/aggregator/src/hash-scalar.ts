import { hash } from 'node:crypto'
import { canonicalDecimal } from './parse-decimal.ts'
import { ExactNumber } from './read-event.ts'

/**
 * Stands for a text, number or boolean where values are told apart: the first 128 bits of SHA-256, as a signed number.
 * Numbers are equal by their decimal value (1.0 and 1, 1e2 and 100), and never equal to a text ("1").
 * @returns undefined for what is no scalar, null included
 */
export function hashScalar(value: unknown): bigint | undefined {
  const name = nameScalar(value)
  if (name === undefined) return undefined
  return BigInt.asIntN(128, BigInt(`0x${hash('sha256', name, 'hex').slice(0, 32)}`))
}

function nameScalar(value: unknown): string | undefined {
  if (typeof value === 'string') return `s${value}`
  if (typeof value === 'boolean') return `b${value}`
  const text =
    value instanceof ExactNumber ? value.text : typeof value === 'number' ? String(value) : undefined
  return text === undefined ? undefined : `n${canonicalDecimal(text) ?? text}`
}
