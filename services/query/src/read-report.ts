import { createHash } from 'node:crypto'
import { ServiceError } from '@millrace/service-kit/errors'
import { formatDecimal } from '@millrace/service-kit/format-decimal'
import type { CatalogView } from './catalog-follower.ts'
import type { Row } from './clickhouse-reader.ts'
import type { Reader } from './constrain-events.ts'
import type { CursorCodec } from './cursor.ts'
import { cursorKeys, type PartRow } from './merge-pieces.ts'
import { parseReportParameters, type ReportParameters, toReportMeter } from './parse-report-parameters.ts'
import type { Backfill, BackfillReader } from './read-backfill.ts'
import { restrictReport } from './report-access.ts'
import type { PiecesReader } from './report-pieces-reader.ts'
import type { AskedReport } from './report-query.ts'
import { type ReportRowsReader, toPartRow } from './report-rows-reader.ts'
import { valueForm } from './report-values.ts'
import type { Microseconds } from './time.ts'

export interface ReportRow {
  readonly windowStartUs: Microseconds
  readonly windowEndUs: Microseconds
  /** In the order of the query's `groupBy`. */
  readonly group: readonly string[]
  /** Decimal text with all digits; null for a filled window that has no average, minimum or maximum. */
  readonly value: string | null
}

export interface Report {
  readonly query: AskedReport
  readonly generatedAtUs: Microseconds
  /** All events received before it are included; the epoch until the backfill is done. */
  readonly dataThroughUs: Microseconds
  readonly backfill: Backfill
  readonly rows: readonly ReportRow[]
  readonly nextCursor: string | undefined
}

/** A report that may be asked of ClickHouse. */
export interface CheckedReport {
  readonly query: AskedReport
  readonly cursorSubject: string
  /** It ends whenever it is asked for. */
  readonly untilNow: boolean
  /** The same for reports that have the same rows, whoever asks and in whatever words. */
  readonly key: string
}

export interface ReportDeps {
  readonly catalog: Pick<CatalogView, 'meter'>
  readonly rows: ReportRowsReader
  /** Absent where nothing is kept. */
  readonly pieces?: PiecesReader
  readonly cursors: CursorCodec
  readonly freshness: { dataThrough(): Promise<Microseconds> }
  readonly backfills: BackfillReader
  readonly nowUs: () => Microseconds
}

export interface ReportReader {
  /** @throws {ServiceError} `not-found`, `forbidden` or `invalid-request` */
  check(reader: Reader, meter: string, parameters: ReportParameters): CheckedReport
  /**
   * Asks ClickHouse.
   * @param again the same report was asked for before: what of it is kept is used, what is read is kept
   * @throws {ServiceError} `unavailable`, or `invalid-request` when it costs more than one may
   */
  compute(report: CheckedReport, again: boolean): Promise<Report>
}

export function createReportReader(deps: ReportDeps): ReportReader {
  const readPage = async ({ query }: CheckedReport, again: boolean): Promise<Page> => {
    const merged = again ? await deps.pieces?.(query) : undefined
    if (merged !== undefined) {
      return { rows: merged.rows.map((row) => fromPart(row, query)), lastKeys: merged.lastKeys }
    }
    const rows = await deps.rows.page(query)
    const page = rows.slice(0, query.limit)
    const last = rows.length > query.limit ? page.at(-1) : undefined
    return {
      rows: page.map((row) => toReportRow(row, query)),
      lastKeys: last && cursorKeys(query, toPartRow(last, query)),
    }
  }
  return {
    check({ tenant, constraints }, name, parameters) {
      const entry = deps.catalog.meter(tenant, name)
      if (entry === undefined)
        throw new ServiceError('not-found', `There is no meter ${JSON.stringify(name)}.`)
      const meter = toReportMeter(entry)
      const access = restrictReport(meter, constraints)
      const { query, cursorSubject, untilNow } = parseReportParameters(
        parameters,
        meter,
        deps.nowUs(),
        deps.cursors,
      )
      const asked = { ...query, access }
      return { query: asked, cursorSubject, untilNow, key: keyOf(asked, untilNow) }
    },
    async compute(report, again) {
      const { query, cursorSubject } = report
      // Asked for first: what lands while ClickHouse reads may be in the rows, but is not promised.
      const backfill = await deps.backfills.read(query.meter)
      const dataThroughUs = backfill.done ? await deps.freshness.dataThrough() : 0
      const { rows, lastKeys } = await readPage(report, again)
      const nextCursor = lastKeys && deps.cursors.encode(cursorSubject, [String(query.toUs), ...lastKeys])
      return { query, generatedAtUs: deps.nowUs(), dataThroughUs, backfill, rows, nextCursor }
    },
  }
}

interface Page {
  readonly rows: readonly ReportRow[]
  /** Of the last row, if there are more. */
  readonly lastKeys: readonly string[] | undefined
}

/** All that decides on the rows. Filters choose the same whatever the order of their values. */
function keyOf(query: AskedReport, untilNow: boolean): string {
  const { meter, access, filter, toUs, ...rest } = query
  const filters = filter
    .map(({ dimension, values }) => [dimension, [...new Set(values)].sort()] as const)
    .sort(([a], [b]) => (a < b ? -1 : 1))
  const all = [meter.tenant, meter.name, meter.version, access, filters, untilNow || toUs, rest]
  return createHash('sha256').update(JSON.stringify(all)).digest('base64url')
}

function fromPart({ start, end, group, readings, amount }: PartRow, query: AskedReport): ReportRow {
  const amountText = amount === undefined ? undefined : formatDecimal(amount)
  return {
    ...windowOf(start, end, query),
    group,
    value: valueFrom(query, String(readings), amountText),
  }
}

function windowOf(start: number, end: number, { window, fromUs, toUs }: AskedReport) {
  const total = window === 'total'
  return {
    windowStartUs: total ? fromUs : start * 1_000_000,
    windowEndUs: total ? toUs : end * 1_000_000,
  }
}

/** Columns as buildReportSql lists them. */
function toReportRow(row: Row, query: AskedReport): ReportRow {
  const groups = query.groupBy.length
  return {
    ...windowOf(Number(row[0]), Number(row[1]), query),
    group: row.slice(2, 2 + groups).map(String),
    value: valueFrom(query, String(row[2 + groups]), row[3 + groups]),
  }
}

function valueFrom({ meter }: AskedReport, readings: string, amount: Row[number] | undefined): string | null {
  const { aggregate, zeroWhenEmpty, format } = valueForm(meter.aggregation)
  if (readings === '0') return zeroWhenEmpty ? '0' : null
  return format(BigInt(readings), aggregate === undefined ? '' : String(amount))
}
