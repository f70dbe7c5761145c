import { formatDecimal } from '@millrace/service-kit/format-decimal'
import type { AskedReport } from './report-query.ts'
import { type ValueForm, valueForm } from './report-values.ts'

/** What one piece of a report's range has of one window and group. */
export interface PartRow {
  /** Start and end of the window in seconds; 0 for `total`. */
  readonly start: number
  readonly end: number
  readonly group: readonly string[]
  readonly readings: bigint
  /** Units of 1e-18; undefined without readings, and for meters that only count. */
  readonly amount: bigint | undefined
}

/** Start and end of a window in seconds. */
export type WindowBounds = readonly [start: number, end: number]

export interface MergedPage {
  readonly rows: readonly PartRow[]
  /** Sort keys of the last row, if there are more rows. */
  readonly lastKeys: readonly string[] | undefined
}

/** Sort keys of a row, as texts that `after` takes: a page goes on behind it. */
export function cursorKeys(query: AskedReport, row: PartRow): readonly string[] {
  return sortKeys(query, valueForm(query.meter.aggregation)).map(({ text }) => text(row))
}

/** Rows of the pieces put together, filled up, ordered and cut as build-report-sql does it in ClickHouse. */
export function mergePieces(
  query: AskedReport,
  pieces: readonly (readonly PartRow[])[],
  filling: readonly WindowBounds[],
): MergedPage {
  const form = valueForm(query.meter.aggregation)
  const merged = sumUp(form, pieces)
  const rows = query.fill ? fillUp(merged, filling, query.groupBy.length === 0) : merged
  const keys = sortKeys(query, form)
  const { after } = query
  const sorted = rows.sort((a, b) => compareRows(keys, a, b))
  const behind = after === undefined ? sorted : sorted.filter((row) => compareToTexts(keys, row, after) > 0)
  const page = behind.slice(0, query.limit)
  const last = behind.length > query.limit ? page.at(-1) : undefined
  return { rows: page, lastKeys: last && keys.map(({ text }) => text(last)) }
}

/** One row per window and group; neither the rows nor their lists are changed. */
export function sumUp({ merge }: ValueForm, parts: readonly (readonly PartRow[])[]): PartRow[] {
  const rows = new Map<string, PartRow>()
  for (const part of parts) {
    for (const row of part) {
      const key = keyOf(row)
      const known = rows.get(key)
      rows.set(key, known === undefined ? row : addRow(known, row, merge))
    }
  }
  return [...rows.values()]
}

function addRow(known: PartRow, row: PartRow, merge: ValueForm['merge']): PartRow {
  const both = known.amount !== undefined && row.amount !== undefined
  const amount = both && merge ? merge(known.amount, row.amount) : (known.amount ?? row.amount)
  const { start, end, group, readings } = known
  return { start, end, group, readings: readings + row.readings, amount }
}

/** Lengths keep texts apart, whatever they hold. */
function keyOf({ start, group }: Pick<PartRow, 'start' | 'group'>): string {
  let key = String(start)
  for (const text of group) key += ` ${text.length} ${text}`
  return key
}

/** With a row without readings for each window and group that occurs. */
function fillUp(rows: readonly PartRow[], windows: readonly WindowBounds[], ungrouped: boolean): PartRow[] {
  const occurring = new Map(rows.map(({ group }) => [JSON.stringify(group), group]))
  const groups = ungrouped ? [[]] : [...occurring.values()]
  const filled = new Map(rows.map((row) => [keyOf(row), row]))
  for (const group of groups) {
    for (const [start, end] of windows) {
      const row = { start, end, group, readings: 0n, amount: undefined }
      const key = keyOf(row)
      if (!filled.has(key)) filled.set(key, row)
    }
  }
  return [...filled.values()]
}

interface SortKey {
  readonly compare: (a: PartRow, b: PartRow) => number
  readonly compareToText: (row: PartRow, text: string) => number
  readonly text: (row: PartRow) => string
}

function sortKeys({ order, groupBy }: AskedReport, form: ValueForm): readonly SortKey[] {
  return order.flatMap(({ field, descending }): SortKey[] => {
    if (field === 'windowStart') return [bigintKey(({ start }) => BigInt(start), 0, descending)]
    if (field !== 'value') return [textKey(groupBy.indexOf(field), descending)]
    const { value, digits } = form.sort
    const key = bigintKey(({ readings, amount }) => value(readings, amount), digits, descending)
    // Windows without a reading come last, whichever way the rest goes.
    return form.zeroWhenEmpty
      ? [key]
      : [bigintKey(({ readings }) => (readings === 0n ? 1n : 0n), 0, false), key]
  })
}

/** @param digits of the key's text behind the point */
function bigintKey(of: (row: PartRow) => bigint, digits: number, descending: boolean): SortKey {
  const sign = descending ? -1 : 1
  const compare = (a: bigint, b: bigint): number => (a < b ? -sign : a > b ? sign : 0)
  return {
    compare: (a, b) => compare(of(a), of(b)),
    compareToText: (row, text) => compare(of(row), parseScaled(text, digits)),
    text: (row) => formatScaled(of(row), digits),
  }
}

function textKey(index: number, descending: boolean): SortKey {
  const sign = descending ? -1 : 1
  const of = ({ group }: PartRow): string => group[index] ?? ''
  return {
    compare: (a, b) => sign * compareBytes(of(a), of(b)),
    compareToText: (row, text) => sign * compareBytes(of(row), text),
    text: of,
  }
}

/** As ClickHouse compares texts. */
function compareBytes(a: string, b: string): number {
  return a === b ? 0 : Buffer.compare(Buffer.from(a), Buffer.from(b))
}

function compareRows(keys: readonly SortKey[], a: PartRow, b: PartRow): number {
  for (const { compare } of keys) {
    const order = compare(a, b)
    if (order !== 0) return order
  }
  return 0
}

function compareToTexts(keys: readonly SortKey[], row: PartRow, texts: readonly string[]): number {
  for (const [index, { compareToText }] of keys.entries()) {
    const order = compareToText(row, texts[index] ?? '')
    if (order !== 0) return order
  }
  return 0
}

function formatScaled(value: bigint, digits: number): string {
  if (digits === 0) return String(value)
  if (digits === 18) return formatDecimal(value)
  const size = (value < 0n ? -value : value).toString().padStart(digits + 1, '0')
  return `${value < 0n ? '-' : ''}${size.slice(0, -digits)}.${size.slice(-digits)}`
}

function parseScaled(text: string, digits: number): bigint {
  const [whole = '0', fraction = ''] = text.split('.')
  return BigInt(whole + fraction.padEnd(digits, '0'))
}
