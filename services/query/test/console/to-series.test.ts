import t from 'tap'
import { formatExact, formatShort } from '../../console/src/format.ts'
import { toSeries } from '../../console/src/reports/to-series.ts'

const row = (hour: number, page: string, value: string | null) => ({
  windowStart: `2026-01-01T0${hour}:00:00Z`,
  windowEnd: `2026-01-01T0${hour + 1}:00:00Z`,
  group: { page },
  value,
})

t.test('the largest groups are lines, the others one more where they add up', async (t) => {
  const rows = Array.from({ length: 9 }, (_, index) => row(0, `/${index}`, String(index + 1)))
  const { series, times } = toSeries([...rows, row(1, '/8', '5')], true)
  t.equal(times.length, 2)
  t.same(
    series.map(({ label }) => label),
    ['/8', '/7', '/6', '/5', '/4', '/3', '3 others'],
  )
  t.same(series.at(-1)?.values, [1 + 2 + 3, 0])
  t.same(series[1]?.values, [8, 0], 'a window without events is a zero')
})

t.test('what does not add up has gaps, and no sum of others', async (t) => {
  const rows = Array.from({ length: 8 }, (_, index) => row(0, `/${index}`, '3'))
  const { series } = toSeries([...rows, row(1, '/0', null)], false)
  t.equal(series.length, 6)
  t.same(series[1]?.values, [3, null])
})

t.test('numbers keep their digits in tables and are short on axes', async (t) => {
  t.equal(
    formatExact('-12345678901234567890.123456789012345678'),
    '−12,345,678,901,234,567,890.123456789012345678',
  )
  t.equal(formatExact(null), '–')
  t.equal(formatShort(1_234_567), '1.2M')
})
