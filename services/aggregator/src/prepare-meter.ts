import type { Aggregation, CatalogEntry, Filter, Meter } from '@millrace/catalog/resources'
import { isUsableFilter } from '@millrace/catalog/stored-shape'
import { parsePointer } from './read-event.ts'

/**
 * What a meter takes of an event: nothing but its being there, the number or any scalar that its pointer leads to, or
 * the amount that the event is worth by its type's rates.
 */
export type MeterInput = 'event' | 'number' | 'scalar' | 'amount'

/** A meter made ready to be read off events. */
export interface PreparedMeter {
  readonly name: string
  /** Version of the meter in the catalog. */
  readonly version: number
  readonly filter: Filter | undefined
  readonly input: MeterInput
  /** Sums per minute do for it; otherwise every single value is kept. */
  readonly rolledUp: boolean
  /** Tokens of the value's pointer; undefined for meters without one. */
  readonly value: readonly string[] | undefined
  /** Tokens of each dimension's pointer, in the order of the dimensions' names. */
  readonly dimensions: readonly (readonly string[])[]
}

const inputs: Readonly<Record<Aggregation, MeterInput>> = {
  count: 'event',
  sum: 'number',
  min: 'number',
  max: 'number',
  avg: 'number',
  latest: 'number',
  p50: 'number',
  p90: 'number',
  p95: 'number',
  p99: 'number',
  unique: 'scalar',
  amount: 'amount',
}

const rolledUp: ReadonlySet<Aggregation> = new Set(['count', 'sum', 'min', 'max', 'avg', 'amount'])

/** @returns undefined for what the catalog refuses, and may have taken before it did: such a meter takes no readings */
export function prepareMeter(entry: CatalogEntry<Meter>): PreparedMeter | undefined {
  if (!hasForm(entry.body)) return undefined
  const { aggregation, value, groupBy = {}, filter } = entry.body
  const input = inputs[aggregation]
  const needsValue = input === 'number' || input === 'scalar'
  if (needsValue && value === undefined) return undefined
  return {
    name: entry.name,
    version: entry.version,
    filter,
    input,
    rolledUp: rolledUp.has(aggregation),
    value: needsValue && value !== undefined ? parsePointer(value) : undefined,
    dimensions: Object.keys(groupBy)
      .sort()
      .map((name) => parsePointer(groupBy[name] ?? '')),
  }
}

function hasForm({ eventTypes, aggregation, value, groupBy = {}, filter }: Meter): boolean {
  return (
    isListOfTexts(eventTypes) &&
    Object.hasOwn(inputs, aggregation) &&
    (value === undefined || typeof value === 'string') &&
    (filter === undefined || isUsableFilter(filter)) &&
    typeof groupBy === 'object' &&
    groupBy !== null &&
    isListOfTexts(Object.values(groupBy))
  )
}

function isListOfTexts(list: unknown): boolean {
  return Array.isArray(list) && list.every((text) => typeof text === 'string')
}
