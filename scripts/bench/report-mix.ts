import { lastDay, type MeterName, pages, sizes } from './report-catalog.ts'

/** A report as dashboards ask for it: at query's door, and as somebody would write it for ClickHouse by hand. */
export interface BenchReport {
  /** Window, zone and group. */
  readonly shape: string
  /** Without the host. */
  readonly address: string
  /** On the coarsest rollup that has it, with nothing looked up, bound or checked. */
  readonly sql: string
}

interface Shape {
  readonly window: 'hour' | 'day' | 'week' | 'month' | 'total'
  readonly timezone: 'UTC' | 'Europe/Stockholm'
  readonly groupBy?: 'country' | 'page'
  readonly top?: number
}

const shapes: readonly Shape[] = [
  { window: 'day', timezone: 'UTC' },
  { window: 'day', timezone: 'UTC', groupBy: 'country' },
  { window: 'hour', timezone: 'UTC' },
  { window: 'week', timezone: 'Europe/Stockholm', groupBy: 'country' },
  { window: 'total', timezone: 'UTC', groupBy: 'page', top: 10 },
  { window: 'month', timezone: 'Europe/Stockholm' },
]

/** So many different ones: over days and weeks, by page or country, filtered, the top ten; a fifth goes on past now. */
export function makeReports(
  count: number,
  meters = Object.keys(sizes) as MeterName[],
): readonly BenchReport[] {
  return Array.from({ length: count }, (_, index) => {
    const shape = shapes[index % shapes.length] as Shape
    const number = Math.floor(index / shapes.length)
    return makeReport(meters[index % meters.length] as MeterName, shape, number, index)
  })
}

/** One of each shape. */
export function makeColdReports(meter: MeterName): readonly BenchReport[] {
  return shapes.map((shape, index) => makeReport(meter, shape, 7, 5 * index))
}

function makeReport(meter: MeterName, shape: Shape, number: number, index: number): BenchReport {
  const { window, timezone, groupBy, top } = shape
  const range = {
    from: `2026-01-${String(1 + 3 * Math.floor(number / pages)).padStart(2, '0')}T00:00:00Z`,
    to: index % 5 === 1 ? '2027-01-01T00:00:00Z' : lastDay,
  }
  const limit = top === undefined ? 1_000 : top + number
  const filter =
    groupBy === 'page'
      ? ([1, 'country', 'SE'] as const)
      : ([2, 'page', `/products/${number % pages}`] as const)
  const [place, dimension, value] = filter
  const query = new URLSearchParams({
    ...range,
    window,
    timezone,
    limit: String(limit),
    [`filter.${dimension}`]: value,
  })
  if (groupBy !== undefined) query.set('groupBy', groupBy)
  if (top !== undefined) query.set('order', '-value')
  const [table, column] =
    timezone === 'UTC' && window !== 'hour' ? ['meter_days', 'day'] : ['meter_hours', 'hour']
  const start =
    window === 'total'
      ? '0'
      : `toUnixTimestamp(toDateTime(${startOf(window, column, timezone)}, '${timezone}'))`
  const group = groupBy === undefined ? '' : `, group[${groupBy === 'country' ? 1 : 2}] AS g`
  const by = groupBy === undefined ? 'w' : 'w, g'
  const sql = `SELECT ${start} AS w${group}, sum(count) AS readings, toString(sum(sum)) AS value FROM ${table}
WHERE tenant = 'default' AND meter = '${meter}' AND version = 1
  AND ${column} >= '${range.from.slice(0, 10)} 00:00:00' AND ${column} < '${range.to.slice(0, 10)} 00:00:00' AND group[${place}] = '${value}'
GROUP BY ${by} ORDER BY ${top === undefined ? by : `sum(sum) DESC, ${by}`} LIMIT ${limit} FORMAT JSONCompactEachRow`
  const named = `${window} ${timezone}${groupBy === undefined ? '' : `, ${groupBy}`}`
  return { shape: named, address: `/v1/reports/${meter}?${query}`, sql }
}

function startOf(window: Exclude<Shape['window'], 'total'>, column: string, timezone: string): string {
  if (window === 'hour') return `toStartOfHour(${column}, '${timezone}')`
  if (window === 'day') return `toStartOfDay(${column}, '${timezone}')`
  return window === 'week'
    ? `toStartOfWeek(${column}, 1, '${timezone}')`
    : `toStartOfMonth(${column}, '${timezone}')`
}

/** Places in a list of so many, the k-th as often as 1/k says; the same in each run. */
export function zipfPlaces(size: number, length: number): Uint16Array {
  let sum = 0
  const sums = Array.from({ length: size }, (_, index) => {
    sum += 1 / (index + 1)
    return sum
  })
  let state = 20_171_029
  return Uint16Array.from({ length }, () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0
    const drawn = (state / 2 ** 32) * sum
    return sums.findIndex((until) => drawn < until)
  })
}
