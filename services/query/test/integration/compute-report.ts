// A report by the plainest means: one pass over the events, BigInt sums, Node's time zones.

import type { Aggregation } from '@millrace/catalog/resources'
import { formatDecimal } from '@millrace/service-kit/format-decimal'
import { divideDecimal, parseDecimal } from '../../src/decimal.ts'
import type { WindowName } from '../../src/report-query.ts'
import { parseTime } from '../../src/time.ts'
import { windowEnd, windowStart } from '../calendar.ts'

export interface PlainEvent {
  readonly id: string
  readonly type: string
  readonly occurredAtUs: number
  /** In the order of the dimensions' names. */
  readonly group: readonly string[]
  readonly value: string
}

export interface PlainRow {
  readonly windowStart: string
  readonly windowEnd: string
  readonly group: Readonly<Record<string, string>>
  readonly value: string | null
}

interface Options {
  readonly aggregation: Aggregation
  readonly window: WindowName
  readonly timezone: string
  readonly from: string
  readonly to: string
  readonly groupBy: readonly string[]
  readonly dimensions: readonly string[]
}

/** Rows in the default order: by window, then by the groups. */
export function computeReport(events: readonly PlainEvent[], options: Options): PlainRow[] {
  const fromUs = parseTime(options.from) ?? 0
  const toUs = parseTime(options.to) ?? 0
  const rows = new Map<string, { start: number; group: readonly string[]; events: PlainEvent[] }>()
  for (const event of events) {
    if (event.occurredAtUs < fromUs || event.occurredAtUs >= toUs) continue
    const group = options.groupBy.map((name) => event.group[options.dimensions.indexOf(name)] ?? '')
    const start = startOf(event.occurredAtUs, options)
    const key = JSON.stringify([start, group])
    const row = rows.get(key) ?? { start, group, events: [] }
    rows.set(key, row)
    row.events.push(event)
  }
  return [...rows.values()].sort(compareRows).map(({ start, group, events: own }) => ({
    windowStart: iso(options.window === 'total' ? fromUs / 1_000_000 : start),
    windowEnd: iso(
      options.window === 'total' ? toUs / 1_000_000 : windowEnd(options.window, start, options.timezone),
    ),
    group: Object.fromEntries(options.groupBy.map((name, index) => [name, group[index] ?? ''])),
    value: aggregate(own, options.aggregation),
  }))
}

function startOf(us: number, { window, timezone }: Options): number {
  return window === 'total' ? 0 : windowStart(window, Math.floor(us / 1_000_000), timezone)
}

/** By bytes, as ClickHouse compares. */
function compareRows(
  a: { start: number; group: readonly string[] },
  b: { start: number; group: readonly string[] },
): number {
  if (a.start !== b.start) return a.start - b.start
  for (const [index, text] of a.group.entries()) {
    const order = Buffer.compare(Buffer.from(text), Buffer.from(b.group[index] ?? ''))
    if (order !== 0) return order
  }
  return 0
}

function aggregate(events: readonly PlainEvent[], aggregation: Aggregation): string {
  if (aggregation === 'count') return String(events.length)
  if (aggregation === 'unique') return String(new Set(events.map(({ value }) => value)).size)
  if (aggregation === 'latest') {
    const last = events.reduce((a, b) => (b.occurredAtUs > a.occurredAtUs ? b : a))
    return formatDecimal(parseDecimal(last.value))
  }
  const values = events.map(({ value }) => parseDecimal(value))
  const sum = values.reduce((total, value) => total + value, 0n)
  if (aggregation === 'sum' || aggregation === 'amount') return formatDecimal(sum)
  if (aggregation === 'avg') return formatDecimal(divideDecimal(sum, BigInt(values.length)))
  const sorted = values.toSorted((a, b) => (a < b ? -1 : a > b ? 1 : 0))
  return formatDecimal(sorted[rankOf(aggregation, sorted.length)] ?? 0n)
}

/** Nearest rank, from 0: the first place at which at least so many percent are reached. */
function rankOf(aggregation: Aggregation, length: number): number {
  if (aggregation === 'min') return 0
  if (aggregation === 'max') return length - 1
  const percent = Number(aggregation.slice(1))
  return Array.from({ length }, (_, index) => index).findIndex(
    (index) => (index + 1) * 100 >= percent * length,
  )
}

function iso(seconds: number): string {
  const us = Math.round(seconds * 1_000_000)
  const rest = us % 1_000
  const text = new Date((us - rest) / 1_000).toISOString()
  return rest === 0 ? text : text.replace('Z', `${String(rest).padStart(3, '0')}Z`)
}
