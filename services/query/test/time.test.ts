import t from 'tap'
import { parseTime } from '../src/time.ts'
import { isTimezone } from '../src/timezone.ts'

t.test('times are read to the microsecond, in any offset', async (t) => {
  t.equal(parseTime('2017-10-01T00:00:00.123456Z'), 1_506_816_000_123_456)
  t.equal(parseTime('2017-10-01T02:00:00+02:00'), 1_506_816_000_000_000)
  t.equal(
    parseTime('2017-10-01T02:00:00 02:00'),
    1_506_816_000_000_000,
    'a plus that a query string made a blank',
  )
})

t.test('what is no time is told apart', async (t) => {
  for (const text of [
    '',
    'now',
    '2017-10-01',
    '2017-02-30T00:00:00Z',
    '2017-10-01T25:00:00Z',
    '1506816000',
  ]) {
    t.equal(parseTime(text), undefined, text)
  }
})

t.test('time zones are IANA names', async (t) => {
  for (const name of [
    'UTC',
    'Europe/Stockholm',
    'Asia/Kolkata',
    'America/Argentina/Buenos_Aires',
    'Etc/GMT+5',
  ]) {
    t.equal(isTimezone(name), true, name)
  }
  for (const name of ['', 'Mars/Olympus', '+01:00', "UTC' OR 1", 'Europe/Stockholm\n']) {
    t.equal(isTimezone(name), false, name)
  }
})
