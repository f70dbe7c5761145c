import { ServiceError } from '@millrace/service-kit/errors'
import { buildReportSql } from './build-report-sql.ts'
import type { CatalogView } from './catalog-follower.ts'
import type { ClickhouseReader, Row } from './clickhouse-reader.ts'
import type { Reader } from './constrain-events.ts'
import type { CursorCodec } from './cursor.ts'
import { parseReportParameters, type ReportParameters, toReportMeter } from './parse-report-parameters.ts'
import type { Backfill, BackfillReader } from './read-backfill.ts'
import { restrictReport } from './report-access.ts'
import { readChanges } from './report-changes.ts'
import type { ReportQuery } from './report-query.ts'
import { valueForm } from './report-values.ts'
import type { Microseconds } from './time.ts'

interface ReportRow {
  readonly windowStartUs: Microseconds
  readonly windowEndUs: Microseconds
  /** In the order of the query's `groupBy`. */
  readonly group: readonly string[]
  /** Decimal text with all digits; null for a filled window that has no average, minimum or maximum. */
  readonly value: string | null
}

export interface Report {
  readonly query: ReportQuery
  readonly generatedAtUs: Microseconds
  /** All events received before it are included; the epoch until the backfill is done. */
  readonly dataThroughUs: Microseconds
  readonly backfill: Backfill
  readonly rows: readonly ReportRow[]
  readonly nextCursor: string | undefined
}

export interface ReportDeps {
  readonly catalog: Pick<CatalogView, 'meter'>
  readonly clickhouse: ClickhouseReader
  readonly cursors: CursorCodec
  readonly freshness: { dataThrough(): Promise<Microseconds> }
  readonly backfills: BackfillReader
  readonly nowUs: () => Microseconds
}

export interface ReportReader {
  /** @throws {ServiceError} `not-found`, `forbidden`, `invalid-request` or `unavailable` */
  read(reader: Reader, meter: string, parameters: ReportParameters): Promise<Report>
}

export function createReportReader(deps: ReportDeps): ReportReader {
  return {
    async read({ tenant, constraints }, name, parameters) {
      const entry = deps.catalog.meter(tenant, name)
      if (entry === undefined)
        throw new ServiceError('not-found', `There is no meter ${JSON.stringify(name)}.`)
      const meter = toReportMeter(entry)
      const access = restrictReport(meter, constraints)
      const parsed = parseReportParameters(parameters, meter, deps.nowUs(), deps.cursors)
      // Asked for first: what lands while ClickHouse reads may be in the rows, but is not promised.
      const backfill = await deps.backfills.read(meter)
      const dataThroughUs = backfill.done ? await deps.freshness.dataThrough() : 0
      const asked = { ...parsed.query, access }
      const query = { ...asked, changes: await readChanges(deps.clickhouse, asked) }
      const rows = await deps.clickhouse.read(buildReportSql(query), query.limit + 1)
      const page = rows.slice(0, query.limit)
      const last = rows.length > query.limit ? page.at(-1) : undefined
      return {
        query,
        generatedAtUs: deps.nowUs(),
        dataThroughUs,
        backfill,
        rows: page.map((row) => toReportRow(row, query)),
        nextCursor:
          last === undefined
            ? undefined
            : deps.cursors.encode(parsed.cursorSubject, [String(query.toUs), ...sortKeysOf(last, query)]),
      }
    },
  }
}

/** Columns as buildReportSql lists them. */
function toReportRow(row: Row, query: ReportQuery): ReportRow {
  const total = query.window === 'total'
  const groups = query.groupBy.length
  return {
    windowStartUs: total ? query.fromUs : Number(row[0]) * 1_000_000,
    windowEndUs: total ? query.toUs : Number(row[1]) * 1_000_000,
    group: row.slice(2, 2 + groups).map(String),
    value: valueFrom(query, String(row[2 + groups]), row[3 + groups]),
  }
}

function valueFrom({ meter }: ReportQuery, readings: string, amount: Row[number] | undefined): string | null {
  const { aggregate, zeroWhenEmpty, format } = valueForm(meter.aggregation)
  if (readings === '0') return zeroWhenEmpty ? '0' : null
  return format(BigInt(readings), aggregate === undefined ? '' : String(amount))
}

function sortKeysOf(row: Row, { meter, groupBy }: ReportQuery): string[] {
  const amounts = valueForm(meter.aggregation).aggregate === undefined ? 0 : 1
  return row.slice(3 + groupBy.length + amounts).map(String)
}
