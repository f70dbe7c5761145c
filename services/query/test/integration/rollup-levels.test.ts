// What days and hours give together, hours give alone; and ClickHouse tells when these are too many.
import t from 'tap'
import { createBoundedCache } from '../../src/bounded-cache.ts'
import { createCalendarSplits } from '../../src/calendar-splits.ts'
import { createClickhouseReader, type Row, TooManyRowsReadError } from '../../src/clickhouse-reader.ts'
import type { HoursAlone } from '../../src/hours-alone.ts'
import { noChanges } from '../../src/report-changes.ts'
import type { AskedReport } from '../../src/report-query.ts'
import { createReportRowsReader } from '../../src/report-rows-reader.ts'
import { meter, query } from '../report-fixtures.ts'
import { createTables, freshConfig, logger } from './mesh-edge.ts'

const tables = await createTables(t, freshConfig())
const clickhouse = createClickhouseReader(
  { client: tables, logger, countError: () => {} },
  { maxQuerySeconds: 10, maxQueryMemoryBytes: 1024 ** 3, maxQueryRows: 1_000_000 },
)
const splits = createCalendarSplits(clickhouse, createBoundedCache(1_000_000))
const changes = { known: () => noChanges, read: async () => noChanges }

/** From September to March: clocks go back and forth in it, half a year of minutes by the thousand. */
await tables.command({
  query: `INSERT INTO meter_minutes SELECT '${meter.tenant}', '${meter.name}', ${meter.version},
    toStartOfMinute(toDateTime('2025-09-20 00:00:00', 'UTC') + cityHash64(number) % (200 * 86400)),
    [['SE', 'IN', ''][1 + number % 3], concat('/', toString(number % 7))], 1 + number % 5,
    toDecimal128(number * 3 + 0.25, 18), toDecimal128(number, 18), toDecimal128(number + 1, 18)
    FROM numbers(6000)`,
})

/** @param alone whether hours are read alone wherever they can be */
function readWith(alone: boolean) {
  const asked: string[] = []
  const hoursAlone: HoursAlone = { mayDo: () => alone, refuse: () => t.fail('six thousand are not many') }
  const seen: typeof clickhouse = {
    read(statement, ...limits) {
      asked.push(statement.sql)
      return clickhouse.read(statement, ...limits)
    },
  }
  const reader = createReportRowsReader(seen, changes, splits, hoursAlone)
  const read = async (report: AskedReport): Promise<readonly Row[]> => reader.page(report)
  return { read, mixed: () => asked.filter((sql) => /meter_days[\s\S]+UNION ALL/.test(sql)).length }
}

const ranges = [
  ['2025-10-01T00:00:00Z', '2025-11-05T00:00:00Z'],
  ['2025-09-25T07:31:00Z', '2026-03-30T23:59:00Z'],
  ['2025-12-30T22:00:00Z', '2026-01-02T01:00:00Z'],
] as const

t.test('days and hours together give what hours give', async (t) => {
  const [both, hours] = [readWith(false), readWith(true)]
  for (const window of ['week', 'month', 'year', 'total'] as const) {
    for (const timezone of ['UTC', 'Europe/Stockholm', 'Asia/Kolkata', 'Australia/Lord_Howe']) {
      for (const [from, to] of ranges) {
        const report: AskedReport = {
          ...query,
          meter: { ...meter, aggregation: 'avg' },
          fromUs: Date.parse(from) * 1_000,
          toUs: Date.parse(to) * 1_000,
          window,
          timezone,
          groupBy: ['country'],
          order: [
            { field: 'windowStart', descending: false },
            { field: 'country', descending: true },
          ],
          limit: 1_000,
        }
        const rows = await both.read(report)
        t.ok(rows.length > 0)
        t.same(await hours.read(report), rows, `${window} ${timezone} ${from} ${to}`)
      }
    }
  }
  t.ok(both.mixed() > 30)
  t.equal(hours.mixed(), 0)
})

t.test('ClickHouse gives up where more rows would be read than are wanted', async (t) => {
  const statement = { sql: 'SELECT sum(sum) FROM meter_minutes WHERE count > 0', parameters: {} }
  t.equal((await clickhouse.read(statement, 1, 6_000)).length, 1)
  const thrown = await clickhouse.read(statement, 1, 5_000).catch((error: unknown) => error)
  t.ok(thrown instanceof TooManyRowsReadError)
})
