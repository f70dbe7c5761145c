import t from 'tap'
import { buildSummarySql, coveredRange } from '../src/summarize-deliveries.ts'

const at = (text: string) => Date.parse(text) * 1_000

t.test('a range covers the minutes that it touches, a long one the hours', (t) => {
  const short = coveredRange(at('2026-01-01T00:00:30Z'), at('2026-01-01T00:01:00.001Z'))
  t.same(short, {
    fromUs: at('2026-01-01T00:00:00Z'),
    toUs: at('2026-01-01T00:02:00Z'),
    source: 'minute',
  })
  const long = coveredRange(at('2026-01-01T00:30:00Z'), at('2026-01-04T00:00:00Z'))
  t.same(long, { fromUs: at('2026-01-01T00:00:00Z'), toUs: at('2026-01-04T00:00:00Z'), source: 'hour' })
  t.end()
})

t.test('a constrained key sees postbacks alone', (t) => {
  const range = coveredRange(0, 60_000_000)
  const constraints = { subjects: ['ward-7/*'] }
  t.match(buildSummarySql({ tenant: 'acme', constraints }, range, undefined).sql, "endpoint = ''")
  t.notMatch(buildSummarySql({ tenant: 'acme' }, range, undefined).sql, "endpoint = ''")
  t.match(buildSummarySql({ tenant: 'acme' }, range, "x' OR 1").parameters, { endpoint: "x' OR 1" })
  t.end()
})
