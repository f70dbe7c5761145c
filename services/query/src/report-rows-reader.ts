import { buildHourWindowSql, buildPiecesSql, buildReportSql, buildWindowsSql } from './build-report-sql.ts'
import type { CalendarSplitsReader } from './calendar-splits.ts'
import type { ClickhouseReader, Row } from './clickhouse-reader.ts'
import { parseDecimal } from './decimal.ts'
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
): ReportRowsReader {
  /** Meters in whose reports there were changes lately. */
  const changed = new Set<string>()
  /**
   * Where it is not known whether events of the range were changed, that is asked for together with the rows: mostly none
   * were, and the rows are right. Else they are read again, knowing of them; where there were some, they are looked
   * for first.
   */
  const read = async (plain: AskedReport, build: (query: ReportQuery) => Statement, maxRows: number) => {
    const asked = { ...plain, splits: await splitsOf(plain) }
    const plainly = () => clickhouse.read(build({ ...asked, changes: noChanges }), maxRows)
    if (changes.known(asked) !== undefined) return plainly()
    const { tenant, name, version } = asked.meter
    const meter = JSON.stringify([tenant, name, version])
    const expected = changed.has(meter)
    const [found, rows] = await Promise.all([changes.read(asked), expected ? undefined : plainly()])
    const any = found.retractions || found.settlements || found.unrolled
    if (any && changed.size < maxMeters) changed.add(meter)
    if (!any) changed.delete(meter)
    if (rows !== undefined && !any) return rows
    return clickhouse.read(build({ ...asked, changes: found }), maxRows)
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
        piece.push(toPartRow(row, query))
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

/** Columns as buildPiecesSql lists them. */
function toPartRow(row: Row, { meter, groupBy }: AskedReport): PartRow {
  const amount = row[4 + groupBy.length]
  const isNumber = valueForm(meter.aggregation).merge !== undefined && amount !== null
  return {
    start: Number(row[1]),
    end: Number(row[2]),
    group: row.slice(3, 3 + groupBy.length).map(String),
    readings: BigInt(String(row[3 + groupBy.length])),
    amount: isNumber ? parseDecimal(String(amount)) : undefined,
  }
}
