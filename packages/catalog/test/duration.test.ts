import t from 'tap'
import { fixedMilliseconds, parseDuration, subtractDuration } from '../src/duration.ts'

const us = (text: string): number => Date.parse(text) * 1_000

t.test('a duration is read in all its parts', async (t) => {
  t.strictSame(parseDuration('P1Y2M3W4DT5H6M7S'), {
    months: 14,
    milliseconds: ((25 * 24 + 5) * 3_600 + 6 * 60 + 7) * 1_000,
  })
  t.equal(fixedMilliseconds('PT12H'), 43_200_000)
  t.equal(fixedMilliseconds('P1M'), undefined, 'a month has no fixed length')
})

t.test('what is no duration is none', async (t) => {
  for (const text of ['', 'P', 'PT', 'P1DT', '1D', 'P1H', 'P-1D', 'PT1.5H', 'p1d']) {
    t.equal(parseDuration(text), undefined, text)
  }
})

t.test('months are taken off the calendar, a day that is not there becomes the last', async (t) => {
  const minus = (from: string, duration: string): string => {
    const parsed = parseDuration(duration)
    if (parsed === undefined) throw new Error(duration)
    return new Date(subtractDuration(us(from), parsed) / 1_000).toISOString()
  }
  t.equal(minus('2026-03-31T10:00:00Z', 'P1M'), '2026-02-28T10:00:00.000Z')
  t.equal(minus('2024-03-31T10:00:00Z', 'P1M'), '2024-02-29T10:00:00.000Z')
  t.equal(minus('2024-02-29T00:00:00Z', 'P1Y'), '2023-02-28T00:00:00.000Z')
  t.equal(minus('2026-01-15T00:00:00Z', 'P2M1D'), '2025-11-14T00:00:00.000Z')
  t.equal(minus('2026-01-01T00:00:00Z', 'PT12H'), '2025-12-31T12:00:00.000Z')
})

t.test('microseconds survive', async (t) => {
  t.equal(
    subtractDuration(us('2026-03-31T10:00:00Z') + 123_456, { months: 1, milliseconds: 0 }),
    us('2026-02-28T10:00:00Z') + 123_456,
  )
})
