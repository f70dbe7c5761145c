import t from 'tap'
import { readChoice, toAddress, toReportPath } from '../../console/src/reports/report-choice.ts'

const read = (query: string) => readChoice(new URLSearchParams(query), 'visits')
const nowMs = Date.UTC(2026, 9, 25, 12)
const asked = (query: string) => new URLSearchParams(toReportPath(read(query), nowMs).split('?')[1])

t.test('an address holds a whole report, and gives it back', async (t) => {
  const query =
    'meter=fees&range=custom&from=2026-01-01T00%3A00%3A00Z&window=month&timezone=Europe%2FStockholm&groupBy=shop%2Ccountry&filter.shop=a%2Cb&order=-value'
  const choice = read(query)
  t.match(choice, {
    meter: 'fees',
    from: '2026-01-01T00:00:00Z',
    groupBy: ['shop', 'country'],
    filter: { shop: 'a,b' },
    order: '-value',
  })
  t.same(readChoice(new URLSearchParams({ ...toAddress(choice), to: '2026-02-01T00:00:00Z' }), ''), {
    ...choice,
    to: '2026-02-01T00:00:00Z',
  })
  const path = toReportPath(choice, nowMs)
  t.match(path, /^\/v1\/reports\/fees\?/)
  t.equal(new URLSearchParams(path.split('?')[1]).get('filter.shop'), 'a,b')
})

t.test('what the address does not say, or says wrongly, has a sensible value', async (t) => {
  t.match(read('timezone=UTC'), { meter: 'visits', range: '24h', window: 'hour', groupBy: [], order: '' })
  t.match(read('range=aeon&window=eon&timezone=Nowhere/At_All'), {
    range: '24h',
    window: 'total',
    timezone: 'UTC',
  })
})

t.test('days and months begin where the zone says, on the day the clocks go back too', async (t) => {
  const zone = 'timezone=Europe/Stockholm'
  // 25 October 2026 has 25 hours there.
  t.equal(asked(`range=today&${zone}`).get('from'), '2026-10-24T22:00:00.000Z')
  t.equal(asked(`range=month&${zone}`).get('from'), '2026-09-30T22:00:00.000Z')
  const last = asked(`range=last-month&${zone}`)
  t.same([last.get('from'), last.get('to')], ['2026-08-31T22:00:00.000Z', '2026-09-30T22:00:00.000Z'])
  t.equal(asked(`range=year&${zone}`).get('from'), '2025-12-31T23:00:00.000Z')
})

t.test('gaps are filled for one line, not for many groups', async (t) => {
  t.equal(asked('range=24h&timezone=UTC').get('fill'), 'true')
  t.equal(asked('range=24h&timezone=UTC&groupBy=page').get('fill'), null)
  t.equal(asked('range=all&timezone=UTC').get('fill'), null, 'nobody knows where all time begins')
})

t.test('a pinned address stays where the report was', async (t) => {
  const pinned = toAddress(read('range=24h&timezone=UTC'), {
    from: '2026-01-01T00:00:00Z',
    to: '2026-01-02T00:00:00Z',
  })
  t.match(pinned, { range: 'custom', from: '2026-01-01T00:00:00Z', to: '2026-01-02T00:00:00Z' })
})
