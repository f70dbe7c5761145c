import { buildHourWindowSql, buildPiecesSql, buildReportSql, buildWindowsSql } from './build-report-sql.ts'
import type { CalendarSplitsReader } from './calendar-splits.ts'
import { type ClickhouseReader, type Row, TooManyRowsReadError } from './clickhouse-reader.ts'
import { parseDecimal } from './decimal.ts'
import { type HoursAlone, maxRowsOfHours } from './hours-alone.ts'
import type { PartRow, WindowBounds } from './merge-pieces.ts'
import { type ChangesReader, noChanges } from './report-changes.ts'
import type { AskedReport, ReportQuery } from './report-query.ts'
import { valueForm } from './report-values.ts'
import type { Statement } from './statement.ts'

/** What of reports ClickHouse is asked for. */
export interface ReportRowsReader {
  /** A page and one row more if there is one, with the columns of buildReportSql. */
  page(query: AskedReport): Promise<readonly Row[]>
  /** Rows of a part of the range by the cells of a grid; undefined when there are more than `maxRows`. */
  pieces(
    query: AskedReport,
    grid: number,
    maxRows: number,
  ): Promise<ReadonlyMap<number, PartRow[]> | undefined>
  windows(query: AskedReport): Promise<readonly WindowBounds[]>
  /** The window that an hour of UTC lies in; undefined when two have a part of it. */
  windowOfHour(query: AskedReport, hour: number): Promise<WindowBounds | undefined>
}

const maxMeters = 10_000

export function createReportRowsReader(
  clickhouse: ClickhouseReader,
  changes: ChangesReader,
  splitsOf: CalendarSplitsReader,
  hoursAlone: HoursAlone,
): ReportRowsReader {
  /** Meters in whose reports there were changes lately. */
  const changed = new Set<string>()
  const ask = async (query: ReportQuery, build: (query: ReportQuery) => Statement, maxRows: number) => {
    if (hoursAlone.mayDo(query)) {
      const few = { ...query, withoutDays: true }
      const rows = await clickhouse.read(build(few), maxRows, maxRowsOfHours).catch(unlessTooManyRead)
      if (rows !== undefined) return rows
      hoursAlone.refuse(query)
    }
    return clickhouse.read(build(query), maxRows)
  }
  /**
   * Where it is not known whether events of the range were changed, that is asked for together with the rows: mostly none
   * were, and the rows are right. Else they are read again, knowing of them; where there were some, they are looked
   * for first.
   */
  const read = async (plain: AskedReport, build: (query: ReportQuery) => Statement, maxRows: number) => {
    const asked = { ...plain, splits: await splitsOf(plain) }
    const plainly = () => ask({ ...asked, changes: noChanges }, build, maxRows)
    if (changes.known(asked) !== undefined) return plainly()
    const { tenant, name, version } = asked.meter
    const meter = JSON.stringify([tenant, name, version])
    const expected = changed.has(meter)
    const [found, rows] = await Promise.all([changes.read(asked), expected ? undefined : plainly()])
    const any = found.retractions || found.settlements || found.unrolled
    if (any && changed.size < maxMeters) changed.add(meter)
    if (!any) changed.delete(meter)
    if (rows !== undefined && !any) return rows
    return ask({ ...asked, changes: found }, build, maxRows)
  }
  return {
    page: (query) => read(query, buildReportSql, query.limit + 1),
    async pieces(query, grid, maxRows) {
      const build = (it: ReportQuery): Statement => buildPiecesSql({ ...it, grid, limit: maxRows })
      const rows = await read(query, build, maxRows + 1)
      if (rows.length > maxRows) return undefined
      const pieces = new Map<number, PartRow[]>()
      for (const row of rows) {
        const index = Number(row[0])
        const piece = pieces.get(index) ?? []
        pieces.set(index, piece)
        piece.push(toPartRow(row.slice(1), query))
      }
      return pieces
    },
    async windows(query) {
      const rows = await clickhouse.read(buildWindowsSql(query), maxWindows)
      return rows.map(([start, end]) => [Number(start), Number(end)] as const)
    },
    async windowOfHour(query, hour) {
      const [row = []] = await clickhouse.read(buildHourWindowSql(query, hour), 1)
      const [start, end, last] = row.map(Number)
      return start !== undefined && end !== undefined && start === last ? [start, end] : undefined
    },
  }
}

const maxWindows = 200_000

function unlessTooManyRead(error: unknown): undefined {
  if (error instanceof TooManyRowsReadError) return undefined
  throw error
}

/** @param row columns as buildReportSql lists them */
export function toPartRow(row: Row, { meter, groupBy }: AskedReport): PartRow {
  const { aggregate, from } = valueForm(meter.aggregation)
  const amount = aggregate === undefined ? null : (row[3 + groupBy.length] ?? null)
  const parse = from === 'minutes' ? parseDecimal : BigInt
  return {
    start: Number(row[0]),
    end: Number(row[1]),
    group: row.slice(2, 2 + groupBy.length).map(String),
    readings: BigInt(String(row[2 + groupBy.length])),
    amount: amount === null ? undefined : parse(String(amount)),
  }
}
