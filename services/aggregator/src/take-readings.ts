import { matchesFilter } from '@millrace/catalog/match-filter'
import type { CatalogEntry, Filter, Meter } from '@millrace/catalog/resources'
import { parseDecimal } from './parse-decimal.ts'
import { type EventReader, ExactNumber, parsePointer } from './read-event.ts'

/** What one event adds to one meter. */
export interface Reading {
  readonly meter: string
  /** Version of the meter in the catalog. */
  readonly version: number
  /** Values of the dimensions, in the order of their names; '' where the event lacks the member. */
  readonly group: readonly string[]
  /** A count of 1e-18; null for meters that only count. */
  readonly value: bigint | null
}

/** A meter made ready to be read off events. */
export interface PreparedMeter {
  readonly name: string
  readonly version: number
  readonly filter: Filter | undefined
  /** Tokens of the value's pointer; undefined for meters that only count. */
  readonly value: readonly string[] | undefined
  /** Tokens of each dimension's pointer, in the order of the dimensions' names. */
  readonly dimensions: readonly (readonly string[])[]
}

export interface Readings {
  readonly readings: readonly Reading[]
  /** Meters that got nothing because their value is missing or no number. */
  readonly valuesMissing: number
  /** Pointer of a value that no reading can hold; the event is invalid then. */
  readonly outOfRange: string | undefined
}

/** Aggregations over a number; of the others `count` needs none, `unique` and `amount` are not rolled up yet. */
const numeric = new Set(['sum', 'min', 'max', 'avg', 'latest', 'p50', 'p90', 'p95', 'p99'])

/** @returns undefined for a meter that takes no readings */
export function prepareMeter(entry: CatalogEntry<Meter>): PreparedMeter | undefined {
  const { aggregation, value, groupBy = {}, filter } = entry.body
  if (aggregation !== 'count' && (!numeric.has(aggregation) || value === undefined)) return undefined
  return {
    name: entry.name,
    version: entry.version,
    filter,
    value: aggregation === 'count' || value === undefined ? undefined : parsePointer(value),
    dimensions: Object.keys(groupBy)
      .sort()
      .map((name) => parsePointer(groupBy[name] ?? '')),
  }
}

export function takeReadings(reader: EventReader, meters: readonly PreparedMeter[]): Readings {
  const readings: Reading[] = []
  let valuesMissing = 0
  for (const meter of meters) {
    if (meter.filter !== undefined && !matchesFilter(meter.filter, reader.attribute)) continue
    const value = meter.value === undefined ? null : readDecimal(reader.read(meter.value))
    if (value === 'out-of-range') {
      return { readings: [], valuesMissing, outOfRange: `/${meter.value?.map(escapeToken).join('/')}` }
    }
    if (value === undefined) {
      valuesMissing += 1
      continue
    }
    const group = meter.dimensions.map((tokens) => toGroupValue(reader.read(tokens)))
    readings.push({ meter: meter.name, version: meter.version, group, value })
  }
  return { readings, valuesMissing, outOfRange: undefined }
}

function readDecimal(value: unknown): bigint | 'out-of-range' | undefined {
  if (typeof value === 'number') return parseDecimal(String(value))
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
