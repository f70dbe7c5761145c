import t from 'tap'
import { buildReportSql } from '../src/build-report-sql.ts'
import { countWindows } from '../src/report-windows.ts'
import { meter, query } from './report-fixtures.ts'

const minute = 60_000_000

t.test('a range of whole minutes reads the rollup only', async (t) => {
  const { sql, parameters } = buildReportSql({ ...query, window: 'minute' })
  t.match(sql, 'FROM meter_minutes')
  t.notMatch(sql, 'FROM events')
  t.match(parameters, {
    minutesFrom: query.fromUs / 1_000_000,
    minutesTo: query.toUs / 1_000_000,
    limit: 101,
  })
  t.equal(
    sql,
    `SELECT toUnixTimestamp(toStartOfMinute(minute, {timezone:String})) AS w, w + 60 AS window_end, sum(count) AS readings
FROM meter_minutes
  WHERE tenant = {tenant:String} AND meter = {meter:String} AND version = {version:UInt64}
    AND minute >= toDateTime({minutesFrom:UInt32}, 'UTC') AND minute < toDateTime({minutesTo:UInt32}, 'UTC')
GROUP BY w
HAVING readings > 0
ORDER BY w
LIMIT {limit:UInt32}`,
  )
})

const tablesOf = (sql: string): string[] => [...new Set(sql.match(/meter_(minutes|hours|days)/g))].sort()

t.test('a range is read from the coarsest rollups that fit its ends and windows', async (t) => {
  const hour = 3_600_000_000
  const read = (change: object): string[] =>
    tablesOf(buildReportSql({ ...query, timezone: 'UTC', ...change }).sql)
  t.same(read({ window: 'total' }), ['meter_days'])
  t.same(read({ window: 'day' }), ['meter_days'])
  t.same(read({ window: 'hour' }), ['meter_hours'])
  t.same(read({ window: 'minute' }), ['meter_minutes'])
  t.same(read({ window: 'total', fromUs: query.fromUs - hour }), ['meter_days', 'meter_hours'])
  t.same(read({ window: 'total', fromUs: query.fromUs - minute }), ['meter_days', 'meter_minutes'])
  t.same(read({ window: 'total', toUs: query.fromUs + hour }), ['meter_hours'])
  t.same(read({ window: 'month', timezone: 'Asia/Kolkata' }), ['meter_days', 'meter_hours', 'meter_minutes'])
  t.same(read({ window: 'day', timezone: 'Asia/Kolkata' }), ['meter_hours', 'meter_minutes'])
  t.same(
    read({ window: 'total', timezone: 'Asia/Kolkata' }),
    ['meter_days'],
    'it has no borders but its ends',
  )
  t.same(read({ window: 'total', grid: 86_400 }), ['meter_days'])
  t.same(read({ window: 'total', grid: 3_600 }), ['meter_hours'], 'pieces of an hour')
})

t.test('the parts of minutes at both ends are read from the events', async (t) => {
  const from = query.fromUs + 10_000_001
  const to = query.toUs + 1
  const { sql, parameters } = buildReportSql({ ...query, fromUs: from, toUs: to })
  t.match(sql, 'FROM events ARRAY JOIN readings AS reading')
  t.match(parameters, {
    minutesFrom: (query.fromUs + minute) / 1_000_000,
    minutesTo: query.toUs / 1_000_000,
    from: String(from),
    to: String(to),
    eventTypes: meter.eventTypes,
  })
  t.match(sql, 'FROM backfilled_readings', 'and from what a backfill has read of them')
  t.match(
    sql,
    `((occurred_at >= fromUnixTimestamp64Micro({from:Int64}, 'UTC') AND occurred_at < toDateTime({minutesFrom:UInt32}, 'UTC'))
    OR (occurred_at >= toDateTime({minutesTo:UInt32}, 'UTC') AND occurred_at < fromUnixTimestamp64Micro({to:Int64}, 'UTC')))`,
  )
})

t.test('a range that holds no whole minute leaves the rollup alone, and reads no moment twice', async (t) => {
  const border = query.fromUs + minute
  for (const [fromUs, toUs] of [
    [query.fromUs + 1, query.fromUs + 9],
    [border - 5, border + 5],
  ] as const) {
    const { sql, parameters } = buildReportSql({ ...query, fromUs, toUs })
    t.notMatch(sql, 'meter_minutes')
    t.match(parameters, { from: String(fromUs), to: String(toUs) })
    t.equal(sql.split('FROM events').length, 2)
  }
})

const changed = { retractions: true, settlements: true, unrolled: true }

t.test(
  'a minute that the rollup does not have right comes from single readings, and from nowhere else',
  async (t) => {
    const { sql, parameters } = buildReportSql({ ...query, changes: changed })
    t.match(sql, /minute NOT IN \(SELECT toStartOfMinute[\s\S]*FROM events ARRAY JOIN readings/)
    t.match(
      sql,
      /\(kafka_partition, kafka_offset, kafka_index\) NOT IN \(SELECT kafka_partition, event_offset, event_index/,
    )
    t.match(sql, 'position(corrected, {corrected:String}) = 0', 'a count can be taken back in the rollup')
    t.equal(parameters.corrected, ',visits@3,')
    const extreme = buildReportSql({ ...query, meter: { ...meter, aggregation: 'max' }, changes: changed })
    t.notMatch(extreme.sql, 'corrected', 'an extreme cannot')
  },
)

t.test('values that sums do not do for are read singly, without those of retracted events', async (t) => {
  for (const aggregation of ['unique', 'latest', 'p95'] as const) {
    const { sql } = buildReportSql({ ...query, meter: { ...meter, aggregation }, changes: changed })
    t.match(sql, 'FROM meter_readings')
    t.match(sql, 'NOT IN (SELECT kafka_partition, event_offset, event_index')
    t.notMatch(sql, 'meter_minutes')
  }
})

t.test('a percentile is taken by nearest rank, in whole numbers', async (t) => {
  const { sql } = buildReportSql({ ...query, meter: { ...meter, aggregation: 'p95' } })
  t.match(sql, 'arraySort(groupArray(value))[intDiv(count() * 95 + 99, 100)] AS amount')
})

t.test('a key that may not read all types or subjects gets what is computed from events', async (t) => {
  const types = { ...meter, eventTypes: ['visit.recorded', 'visit.ended'] }
  const some = { eventTypes: ['visit.ended'], subjects: undefined }
  const { sql, parameters } = buildReportSql({ ...query, meter: types, access: some })
  t.notMatch(sql, 'meter_minutes')
  t.same(parameters.eventTypes, ['visit.ended'])
  const subjects = { eventTypes: meter.eventTypes, subjects: ['ward-7/*', 'a.b'] }
  const bySubject = buildReportSql({ ...query, access: subjects })
  t.notMatch(bySubject.sql, 'meter_minutes')
  t.match(bySubject.sql, 'match(subject, pattern)')
  t.same(bySubject.parameters.subjects, ['^(?s:ward-7/.*)$', '^(?s:a\\.b)$'])
  const byDimension = buildReportSql({
    ...query,
    meter: { ...meter, subjectDimension: 'page' },
    access: subjects,
  })
  t.match(byDimension.sql, 'FROM meter_minutes')
  t.match(byDimension.sql, 'match(`group`[2], pattern)')
  const unique = { ...meter, aggregation: 'unique' } as const
  t.match(
    buildReportSql({ ...query, meter: unique, access: subjects }).sql,
    /IN \(SELECT [\s\S]* FROM events/,
  )
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
  t.match(sql, '`group`[2] AS g0')
  t.match(sql, '`group`[1] IN {filter0_0:Array(String)}')
  t.match(sql, 'ORDER BY readings DESC, w, g0')
  t.same(parameters.filter0_0, ['SE', "x') OR 1=1 --"])
  t.notMatch(sql, '1=1', 'what a caller sent is never part of the text')
  const one = buildReportSql({ ...query, filter: [{ dimension: 'page', values: ["/a' OR 1"] }] })
  t.match(one.sql, '`group`[2] = {filter0:String}')
  t.equal(one.parameters.filter0, "/a' OR 1")
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
  t.match(sql, 'AND ((readings < {after0:Int64}) OR (readings = {after0:Int64} AND g0 > {after1:String}))')
  t.match(parameters, { after0: '42', after1: '/a' })
})

t.test('averages are ordered exactly, with empty windows last', async (t) => {
  const { sql } = buildReportSql({
    ...query,
    meter: { ...meter, aggregation: 'avg' },
    order: [{ field: 'value', descending: true }],
  })
  t.match(sql, 'toDecimal256(sum, 18)')
  t.match(
    sql,
    'ORDER BY (readings = 0), divideDecimal(ifNull(amount, toDecimal256(0, 18)), toDecimal256(greatest(readings, 1), 0), 36) DESC',
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
  const inUtc = buildReportSql({ ...query, window: 'week', timezone: 'UTC' }).sql
  t.match(inUtc, 'w + 604800 AS window_end', 'weeks of UTC are all equally long')
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
