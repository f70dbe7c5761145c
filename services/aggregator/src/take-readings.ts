import { matchesFilter } from '@millrace/catalog/match-filter'
import { chooseRate, type Rate } from './choose-rate.ts'
import { hashScalar } from './hash-scalar.ts'
import { decimalOfInteger, parseDecimal } from './parse-decimal.ts'
import type { PreparedMeter } from './prepare-meter.ts'
import { type EventReader, ExactNumber } from './read-event.ts'

/** What one event adds to one meter. */
export interface Reading {
  readonly meter: string
  /** Version of the meter in the catalog. */
  readonly version: number
  /** Values of the dimensions, in the order of their names; '' where the event lacks the member. */
  readonly group: readonly string[]
  /** A count of 1e-18; null for meters that only count; a hash for meters that count different values. */
  readonly value: bigint | null
}

export interface Readings {
  /** For the rollup: sums per minute do. */
  readonly readings: readonly Reading[]
  /** For meters that need every value. */
  readonly values: readonly Reading[]
  /** Meters that got nothing because their value is missing or of the wrong kind. */
  readonly valuesMissing: number
  /** Pointer of a value that no reading can hold; the event is invalid then. */
  readonly outOfRange: string | undefined
}

/** Unsettled is what an amount is until a settlement says otherwise. */
const unsettled = 'false'
export const settled = 'true'

/** @param rates of the event's type, as `prepareRates` orders them */
export function takeReadings(
  reader: EventReader,
  meters: readonly PreparedMeter[],
  rates: readonly Rate[] = [],
): Readings {
  const readings: Reading[] = []
  const values: Reading[] = []
  let valuesMissing = 0
  for (const meter of meters) {
    if (meter.filter !== undefined && !matchesFilter(meter.filter, (name) => reader.attribute(name))) continue
    const rate = meter.input === 'amount' ? chooseRate(rates, reader.event.occurredAtUs) : undefined
    const value = meter.input === 'amount' ? rate?.amount : readValue(meter, reader)
    if (value === 'out-of-range') {
      const outOfRange = `/${meter.value?.map(escapeToken).join('/')}`
      return { readings: [], values: [], valuesMissing, outOfRange }
    }
    if (value === undefined) {
      // An event from before the first rate is worth nothing; it lacks nothing either.
      if (meter.input !== 'amount') valuesMissing += 1
      continue
    }
    const group = readGroup(meter, reader)
    if (rate !== undefined) group.push(rate.currency, unsettled)
    const taken = { meter: meter.name, version: meter.version, group, value }
    if (meter.rolledUp) readings.push(taken)
    else values.push(taken)
  }
  return { readings, values, valuesMissing, outOfRange: undefined }
}

/** Of the length that it needs: an array that grows makes room for sixteen more. */
function readGroup({ dimensions }: PreparedMeter, reader: EventReader): string[] {
  const group = new Array<string>(dimensions.length)
  for (let index = 0; index < dimensions.length; index += 1) {
    group[index] = toGroupValue(reader.read(dimensions[index] ?? []))
  }
  return group
}

function readValue(
  { input, value }: PreparedMeter,
  reader: EventReader,
): bigint | 'out-of-range' | null | undefined {
  if (value === undefined) return null
  const found = reader.read(value)
  return input === 'scalar' ? hashScalar(found) : readDecimal(found)
}

function readDecimal(value: unknown): bigint | 'out-of-range' | undefined {
  if (typeof value === 'number') {
    return Number.isSafeInteger(value) ? decimalOfInteger(value) : parseDecimal(String(value))
  }
  if (typeof value === 'string') return parseDecimal(value)
  return value instanceof ExactNumber ? parseDecimal(value.text) : undefined
}

function toGroupValue(value: unknown): string {
  if (value === undefined || value === null) return ''
  if (typeof value === 'string') return value
  return value instanceof ExactNumber ? value.text : JSON.stringify(value, writeExactly)
}

/** A number deep in a grouped object loses its further digits. */
function writeExactly(_key: string, value: unknown): unknown {
  return value instanceof ExactNumber ? Number(value.text) : value
}

function escapeToken(token: string): string {
  return token.replaceAll('~', '~0').replaceAll('/', '~1')
}
