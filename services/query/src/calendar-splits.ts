import type { BoundedCache } from './bounded-cache.ts'
import type { ClickhouseReader } from './clickhouse-reader.ts'
import { needsEvents } from './report-access.ts'
import type { AskedReport } from './report-query.ts'
import { valueForm } from './report-values.ts'
import { sharedTimes } from './rollup-sources.ts'

/** Days and hours of UTC of which two windows have a part. Seconds. */
export interface CalendarSplits {
  readonly days: readonly number[]
  readonly hours: readonly number[]
  /** Windows of an hour in a zone of half hours: no hour of UTC lies in one. */
  readonly allHours: boolean
}

/** Undefined when there are too many to list. */
export type CalendarSplitsReader = (query: AskedReport) => Promise<CalendarSplits | undefined>

const none: CalendarSplits = { days: [], hours: [], allHours: false }
const longestList = 2_000
const maxRows = 100_000

/**
 * Asks ClickHouse's calendar once for each zone, kind of window and year: a question that names the few hours which a
 * border cuts takes ClickHouse a fraction of one that has to look for them.
 */
export function createCalendarSplits(
  clickhouse: ClickhouseReader,
  store: BoundedCache<CalendarSplits>,
): CalendarSplitsReader {
  const keyOf = ({ window, timezone }: AskedReport, year: number): string => `${window} ${timezone} ${year}`
  const readYears = async (query: AskedReport, first: number, last: number): Promise<void> => {
    const { window, timezone } = query
    const range = { From: Date.UTC(first, 0) / 1_000, To: Date.UTC(last + 1, 0) / 1_000 }
    const parameters = {
      timezone,
      daysFrom: range.From,
      hoursFrom: range.From,
      daysTo: range.To,
      hoursTo: range.To,
    }
    const times = (name: 'days' | 'hours', column: string): string =>
      `SELECT '${name}', toString(toUnixTimestamp(${column})) FROM (${sharedTimes(window, name)})`
    // Of windows of a day or an hour the days are not asked for.
    const long = window === 'week' || window === 'month' || window === 'year'
    const hours = times('hours', 'hour')
    // Of windows of an hour all hours are shared, or none: one of each year tells.
    const some = `SELECT 'hours', toString(toUnixTimestamp(min(hour))) FROM (${sharedTimes(window, 'hours')}) GROUP BY toYear(hour)`
    const sql = [...(long ? [times('days', 'day')] : []), window === 'hour' ? some : hours].join(
      ' UNION ALL ',
    )
    const rows = await clickhouse.read({ sql, parameters }, maxRows)
    for (let year = first; year <= last; year += 1) {
      const [from, to] = [Date.UTC(year, 0) / 1_000, Date.UTC(year + 1, 0) / 1_000]
      const within = (name: string): number[] =>
        rows.flatMap(([kind, time]) =>
          kind === name && Number(time) >= from && Number(time) < to ? [Number(time)] : [],
        )
      const [days, found] = [within('days'), within('hours')]
      const allHours = window === 'hour' && found.length > 0
      const splits = { days, hours: allHours ? [] : found, allHours }
      store.set(keyOf(query, year), splits, 8 * (days.length + found.length))
    }
  }
  return async (query) => {
    const { meter, access, window, timezone } = query
    const plain = window === 'minute' || window === 'total' || timezone === 'UTC'
    if (plain || valueForm(meter.aggregation).from !== 'minutes' || needsEvents(meter, access)) return none
    const first = new Date(query.fromUs / 1_000).getUTCFullYear()
    const last = new Date(query.toUs / 1_000).getUTCFullYear()
    const years = Array.from({ length: last - first + 1 }, (_, index) => first + index)
    const missing = years.filter((year) => store.get(keyOf(query, year)) === undefined)
    if (missing.length > 0) await readYears(query, missing[0] as number, missing.at(-1) as number)
    const known = years.map((year) => store.get(keyOf(query, year)))
    // Given up for others meanwhile.
    if (known.includes(undefined)) return undefined
    const splits = {
      days: known.flatMap((it) => it?.days ?? []),
      hours: known.flatMap((it) => it?.hours ?? []),
      allHours: known.some((it) => it?.allHours),
    }
    return splits.hours.length + splits.days.length > longestList ? undefined : splits
  }
}
