import t from 'tap'
import { parseRetryAfter } from '../src/parse-retry-after.ts'

const now = Date.UTC(1994, 10, 6, 8, 49, 0)

t.test('seconds are counted from now', async (t) => {
  t.equal(parseRetryAfter('120', now), 120_000)
  t.equal(parseRetryAfter(' 0 ', now), 0)
})

t.test('dates are read in all three forms of the specification', async (t) => {
  t.equal(parseRetryAfter('Sun, 06 Nov 1994 08:49:37 GMT', now), 37_000)
  t.equal(parseRetryAfter('Sunday, 06-Nov-94 08:49:37 GMT', now), 37_000)
  t.equal(parseRetryAfter('Sun Nov  6 08:49:37 1994', now), 37_000)
})

t.test('a date that has passed means now', async (t) => {
  t.equal(parseRetryAfter('Sun, 06 Nov 1994 08:48:00 GMT', now), 0)
})

t.test('what is neither says nothing', async (t) => {
  for (const value of [
    undefined,
    '',
    '-1',
    '1.5',
    '1e3',
    'soon',
    '2026-11-21T00:00:00Z',
    'Sun, 99 Nov 1994 08:49:37 GMT',
  ]) {
    t.equal(parseRetryAfter(value, now), undefined, String(value))
  }
})
