import t from 'tap'
import { buildReportSql, countWindows } from '../src/build-report-sql.ts'
import { meter, query } from './report-fixtures.ts'

const minute = 60_000_000

t.test('a range of whole minutes reads the rollup only', async (t) => {
  const { sql, parameters } = buildReportSql(query)
  t.match(sql, 'FROM meter_minutes')
  t.notMatch(sql, 'FROM events')
  t.match(parameters, {
    minutesFrom: query.fromUs / 1_000_000,
    minutesTo: query.toUs / 1_000_000,
    limit: 101,
  })
  t.equal(
    sql,
    `SELECT toString(w) AS window_start, toString(w + 3600) AS window_end, toString(readings), toString(w) AS k0
FROM (
  SELECT w, sum(c) AS readings
  FROM (
  SELECT toUnixTimestamp(toStartOfHour(minute, {timezone:String})) AS w, count AS c
  FROM meter_minutes
  WHERE tenant = {tenant:String} AND meter = {meter:String} AND version = {version:UInt64}
    AND minute >= toDateTime({minutesFrom:UInt32}, 'UTC') AND minute < toDateTime({minutesTo:UInt32}, 'UTC')
  )
  GROUP BY w
)
ORDER BY w
LIMIT {limit:UInt32}`,
  )
})

t.test('the parts of minutes at both ends are read from the events', async (t) => {
  const from = query.fromUs + 10_000_001
  const to = query.toUs + 1
  const { sql, parameters } = buildReportSql({ ...query, fromUs: from, toUs: to })
  t.match(sql, 'FROM events ARRAY JOIN readings AS reading')
  t.match(parameters, {
    minutesFrom: (query.fromUs + minute) / 1_000_000,
    minutesTo: query.toUs / 1_000_000,
    edge0From: String(from),
    edge0To: String(query.fromUs + minute),
    edge1From: String(query.toUs),
    edge1To: String(to),
    eventTypes: meter.eventTypes,
  })
})

t.test('a range within one minute reads events only, and no moment twice', async (t) => {
  const { sql, parameters } = buildReportSql({ ...query, fromUs: query.fromUs + 1, toUs: query.fromUs + 9 })
  t.notMatch(sql, 'meter_minutes')
  t.match(parameters, { edge0From: String(query.fromUs + 1), edge0To: String(query.fromUs + 9) })
  t.notOk('edge1From' in parameters)
})

t.test('a range that touches two minutes and holds none leaves the rollup alone', async (t) => {
  const border = query.fromUs + minute
  const { sql, parameters } = buildReportSql({ ...query, fromUs: border - 5, toUs: border + 5 })
  t.notMatch(sql, 'meter_minutes')
  t.match(parameters, {
    edge0From: String(border - 5),
    edge0To: String(border),
    edge1From: String(border),
    edge1To: String(border + 5),
  })
})

t.test('groups and filters stand at the places of the dimensions’ names', async (t) => {
  const { sql, parameters } = buildReportSql({
    ...query,
    groupBy: ['page'],
    filter: [{ dimension: 'country', values: ['SE', "x') OR 1=1 --"] }],
    order: [
      { field: 'value', descending: true },
      { field: 'windowStart', descending: false },
      { field: 'page', descending: false },
    ],
  })
  t.match(sql, 'group[2] AS g0')
  t.match(sql, 'group[1] IN {filter0:Array(String)}')
  t.match(sql, 'ORDER BY readings DESC, w, g0')
  t.same(parameters.filter0, ['SE', "x') OR 1=1 --"])
  t.notMatch(sql, '1=1', 'what a caller sent is never part of the text')
})

t.test('a page goes on behind the last row, whichever way each field is sorted', async (t) => {
  const { sql, parameters } = buildReportSql({
    ...query,
    groupBy: ['page'],
    order: [
      { field: 'value', descending: true },
      { field: 'page', descending: false },
    ],
    after: ['42', '/a'],
  })
  t.match(sql, 'WHERE (readings < {after0:UInt64}) OR (readings = {after0:UInt64} AND g0 > {after1:String})')
  t.match(parameters, { after0: '42', after1: '/a' })
})

t.test('averages are ordered exactly, with empty windows last', async (t) => {
  const { sql } = buildReportSql({
    ...query,
    meter: { ...meter, aggregation: 'avg' },
    order: [{ field: 'value', descending: true }],
  })
  t.match(sql, 'toDecimal256(sum, 18) AS s')
  t.match(
    sql,
    'ORDER BY (readings = 0), divideDecimal(amount, toDecimal256(greatest(readings, 1), 0), 36) DESC',
  )
})

t.test('every window has its start and end by ClickHouse’s calendar', async (t) => {
  const part = (window: typeof query.window): string => buildReportSql({ ...query, window }).sql
  t.match(part('minute'), 'toStartOfMinute(minute, {timezone:String})')
  t.match(part('day'), 'toStartOfDay(minute, {timezone:String})')
  t.match(part('week'), 'toStartOfWeek(minute, 1, {timezone:String})', 'weeks start on Monday')
  t.match(part('month'), 'addMonths(')
  t.match(part('year'), 'addYears(')
  t.match(part('total'), 'toUInt32(0) AS w')
})

t.test('filling adds a row without readings per window and group', async (t) => {
  const grouped = buildReportSql({ ...query, groupBy: ['page'], fill: true })
  t.match(grouped.sql, 'FROM numbers(26) WHERE w < {fillTo:UInt32}')
  t.match(grouped.sql, 'CROSS JOIN (SELECT DISTINCT g0')
  t.notMatch(buildReportSql({ ...query, fill: true }).sql, 'CROSS JOIN')
})

t.test('the number of windows is never underestimated', async (t) => {
  const count = (window: typeof query.window, days: number): number =>
    countWindows({ window, fromUs: 0, toUs: days * 86_400_000_000 })
  t.ok(count('hour', 1) >= 25)
  t.ok(count('day', 365) >= 366)
  t.ok(count('month', 365) >= 13)
  t.ok(count('year', 3_653) >= 11)
  t.equal(count('total', 10_000), 1)
})
