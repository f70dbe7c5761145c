import t from 'tap'
import { createBoundedCache } from '../src/bounded-cache.ts'
import { createCalendarSplits } from '../src/calendar-splits.ts'
import type { Row } from '../src/clickhouse-reader.ts'
import type { AskedReport } from '../src/report-query.ts'
import { meter, query } from './report-fixtures.ts'

const seconds = (text: string): number => Date.parse(text) / 1_000
const report = (window: AskedReport['window'], from: string, to: string, more: object = {}): AskedReport => ({
  ...query,
  window,
  fromUs: seconds(from) * 1e6,
  toUs: seconds(to) * 1e6,
  ...more,
})

function start(rows: readonly Row[]) {
  const asked: object[] = []
  const read = createCalendarSplits(
    {
      read: async ({ parameters }) => {
        asked.push([parameters.hoursFrom, parameters.hoursTo])
        return rows
      },
    },
    createBoundedCache(1_000_000),
  )
  return { read, asked }
}

t.test('ClickHouse is asked once for the years of a zone and window', async (t) => {
  const [first, second] = [seconds('2017-02-28T00:00:00Z'), seconds('2018-02-28T00:00:00Z')]
  const { read, asked } = start([
    ['days', String(first)],
    ['days', String(second)],
    ['hours', String(second + 3_600)],
  ])
  const both = { days: [first, second], hours: [second + 3_600], allHours: false }
  t.same(await read(report('month', '2017-05-01T00:00:00Z', '2018-05-01T00:00:00Z')), both)
  t.same(asked.splice(0), [[seconds('2017-01-01T00:00:00Z'), seconds('2019-01-01T00:00:00Z')]])
  t.same(await read(report('month', '2017-07-01T00:00:00Z', '2017-08-01T00:00:00Z')), {
    ...both,
    days: [first],
    hours: [],
  })
  t.same(asked, [])
  await read(report('month', '2017-07-01T00:00:00Z', '2017-08-01T00:00:00Z', { timezone: 'Asia/Kolkata' }))
  t.equal(asked.length, 1, 'another zone')
})

t.test('windows that no border of days can cut need not be asked for', async (t) => {
  const { read, asked } = start([])
  const none = { days: [], hours: [], allHours: false }
  const [from, to] = ['2017-05-01T00:00:00Z', '2018-05-01T00:00:00Z'] as const
  t.same(await read(report('total', from, to)), none)
  t.same(await read(report('minute', from, to)), none)
  t.same(await read(report('month', from, to, { timezone: 'UTC' })), none)
  t.same(await read(report('month', from, to, { meter: { ...meter, aggregation: 'unique' } })), none)
  t.same(asked, [])
})

t.test('in a zone of half hours no hour is taken as a whole, and what is too long is no list', async (t) => {
  const begin = seconds('2017-01-01T00:00:00Z')
  const hourly = start([['hours', String(begin)]])
  const day = ['2017-05-01T00:00:00Z', '2017-05-02T00:00:00Z'] as const
  t.match(await hourly.read(report('hour', ...day)), { hours: [], allHours: true })
  const daily = start(Array.from({ length: 2_001 }, (_, index) => ['hours', String(begin + index * 3_600)]))
  t.equal(await daily.read(report('day', ...day)), undefined)
})
