import t from 'tap'
import { formatLiveEvent, formatLiveJson } from '../src/format-live.ts'
import type { LivePush } from '../src/live-hub.ts'
import type { LiveCell, MergedSecond } from '../src/live-merge.ts'
import { countCell } from './live-fixtures.ts'
import { meter } from './report-fixtures.ts'

const start = 1_700_000_000
const second = (at: number, ...groups: LiveCell[]): MergedSecond => ({
  second: start + at,
  total: countCell(
    [],
    groups.reduce((sum, { count }) => sum + count, 0),
  ),
  groups,
})

const all = [second(1, countCell(['SE', '/a'], 2), countCell([], 7)), second(2, countCell(['SE', '/a'], 3))]
const push: LivePush = {
  id: '5-1',
  meter,
  asOfUs: (start + 3) * 1_000_000,
  sources: 1,
  reset: false,
  changed: all.slice(1),
  all,
}

t.test('a push holds what changed, and totals and top groups of everything', async (t) => {
  t.same(JSON.parse(formatLiveJson(push, (start + 4) * 1_000_000)), {
    meter: 'visits',
    aggregation: 'count',
    asOf: '2023-11-14T22:13:23.000Z',
    generatedAt: '2023-11-14T22:13:24.000Z',
    reset: false,
    sources: 1,
    dimensions: ['country', 'page'],
    seconds: [
      {
        second: '2023-11-14T22:13:22.000Z',
        value: 3,
        groups: [{ group: { country: 'SE', page: '/a' }, value: 3 }],
      },
    ],
    totals: { value: 12, perSecond: 2.4 },
    top: [{ group: { country: 'SE', page: '/a' }, value: 5 }],
  })
})

t.test('groups beyond an aggregator’s cap count, but are no group', async (t) => {
  const { seconds, top } = JSON.parse(formatLiveJson({ ...push, reset: true }, 0)) as {
    seconds: { value: number; groups: unknown[] }[]
    top: unknown[]
  }
  t.equal(seconds[0]?.value, 9)
  t.equal(seconds[0]?.groups.length, 1)
  t.equal(top.length, 1)
})

t.test('an event is framed for server-sent events, and written once', async (t) => {
  let written = 0
  const now = (): number => {
    written += 1
    return 0
  }
  const event = formatLiveEvent(push, now)
  t.match(event.toString(), /^id: 5-1\nevent: live\ndata: \{.*\}\n\n$/)
  t.equal(formatLiveEvent(push, now), event)
  t.equal(written, 1)
})

t.test('amounts of several currencies are not added up, and what needs every value has none', async (t) => {
  const amounts = { ...meter, aggregation: 'amount', dimensions: ['currency', 'settled'] } as const
  const amount = (currency: string, minor: bigint): LiveCell => ({
    ...countCell([currency, 'false'], 1),
    sum: minor * 10n ** 18n,
  })
  const shown = (...groups: LiveCell[]) => {
    const total = { ...countCell([], 2), sum: groups.reduce((sum, it) => sum + it.sum, 0n) }
    const seconds = [{ second: start, total, groups }]
    return JSON.parse(
      formatLiveJson({ ...push, meter: amounts, changed: seconds, all: seconds }, 0),
    ) as object
  }
  t.match(shown(amount('SEK', 500n), amount('EUR', 7n)), {
    seconds: [{ value: null, groups: [{ value: 500 }, { value: 7 }] }],
    totals: { value: null },
  })
  t.match(shown(amount('SEK', 500n)), { seconds: [{ value: 500 }], totals: { value: 500 } })
  const unique = { ...push, meter: { ...meter, aggregation: 'unique' } } as const
  t.match(JSON.parse(formatLiveJson(unique, 0)), { totals: { value: null, perSecond: 2.4 } })
})
