// The calendar that the integration tests compare ClickHouse with must itself be right: facts by hand.
import t from 'tap'
import { windowEnd, windowStart } from './calendar.ts'

const seconds = (text: string): number => Date.parse(text) / 1_000
const iso = (at: number): string => new Date(at * 1_000).toISOString().replace('.000Z', 'Z')

t.test('days in Stockholm have 23 and 25 hours when the clocks change', async (t) => {
  const spring = windowStart('day', seconds('2017-03-26T10:00:00Z'), 'Europe/Stockholm')
  t.equal(iso(spring), '2017-03-25T23:00:00Z')
  t.equal(iso(windowEnd('day', spring, 'Europe/Stockholm')), '2017-03-26T22:00:00Z')
  const autumn = windowStart('day', seconds('2017-10-29T10:00:00Z'), 'Europe/Stockholm')
  t.equal(iso(autumn), '2017-10-28T22:00:00Z')
  t.equal(iso(windowEnd('day', autumn, 'Europe/Stockholm')), '2017-10-29T23:00:00Z')
})

t.test('hours in Kolkata start at half past', async (t) => {
  t.equal(iso(windowStart('hour', seconds('2017-10-01T12:10:00Z'), 'Asia/Kolkata')), '2017-10-01T11:30:00Z')
  t.equal(iso(windowStart('day', seconds('2017-10-01T12:10:00Z'), 'Asia/Kolkata')), '2017-09-30T18:30:00Z')
})

t.test('weeks start on Monday, months and years at their first midnight', async (t) => {
  const at = seconds('2017-10-01T12:00:00Z')
  t.equal(iso(windowStart('week', at, 'UTC')), '2017-09-25T00:00:00Z')
  t.equal(iso(windowStart('month', at, 'Europe/Stockholm')), '2017-09-30T22:00:00Z')
  t.equal(
    iso(windowEnd('month', seconds('2017-09-30T22:00:00Z'), 'Europe/Stockholm')),
    '2017-10-31T23:00:00Z',
  )
  t.equal(iso(windowStart('year', at, 'America/New_York')), '2017-01-01T05:00:00Z')
  t.equal(iso(windowEnd('month', seconds('2017-12-01T00:00:00Z'), 'UTC')), '2018-01-01T00:00:00Z')
})

t.test('where clocks skip midnight the day starts at the end of the gap', async (t) => {
  const day = windowStart('day', seconds('2018-11-04T12:00:00Z'), 'America/Sao_Paulo')
  t.equal(iso(day), '2018-11-04T03:00:00Z')
})
