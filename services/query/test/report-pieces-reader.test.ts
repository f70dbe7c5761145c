import t from 'tap'
import { createAnnouncedWrites } from '../src/announced-writes.ts'
import { createBoundedCache } from '../src/bounded-cache.ts'
import type { PartRow } from '../src/merge-pieces.ts'
import { type CacheEntry, createReportCache } from '../src/report-cache.ts'
import { createPiecesReader, type KeptPiece } from '../src/report-pieces-reader.ts'
import type { AskedReport } from '../src/report-query.ts'
import { meter, query } from './report-fixtures.ts'

const day = 86_400
const minutesOfDay = 1_440
const firstMinute = query.fromUs / 60_000_000

function start({ most = Number.POSITIVE_INFINITY } = {}) {
  const writes = createAnnouncedWrites()
  const tell = (rest: object = {}): void =>
    writes.apply('a', {
      instance: 'i',
      partitions: 1,
      landed: [{ partition: 0, throughUs: 1 }],
      begun: [],
      over: [],
      ...rest,
    })
  tell()
  const asked: (readonly [firstDay: number, days: number])[] = []
  const store = createBoundedCache<CacheEntry<KeptPiece>>(1_000_000)
  const reader = createPiecesReader({
    writes,
    rows: {
      page: async () => [],
      windows: async () => [[0, 1]],
      pieces: async ({ fromUs, toUs, groupBy }: AskedReport, grid) => {
        asked.push([(fromUs - query.fromUs) / day / 1e6, (toUs - fromUs) / day / 1e6])
        const pieces = new Map<number, PartRow[]>()
        for (let at = fromUs; at < toUs; at += grid * 1e6) {
          const rows =
            groupBy.length === 0
              ? [[]]
              : ['/', '/a'].map((page) => groupBy.map((name) => (name === 'page' ? page : 'SE')))
          pieces.set(
            at / grid / 1e6,
            rows.map((group) => ({ start: 0, end: 0, group, readings: 1n, amount: undefined })),
          )
        }
        return pieces.size * (groupBy.length + 1) > most ? undefined : pieces
      },
    },
    cache: createReportCache<KeptPiece>(
      {
        store,
        writes,
        dataThrough: () => 1,
        isUnavailable: () => false,
        count: () => {},
        nowMs: Date.now,
      },
      { maxStaleMs: 0 },
    ),
    windows: createBoundedCache(1_000),
  })
  const month: AskedReport = { ...query, window: 'total', toUs: query.fromUs + 31 * day * 1e6 }
  const touch = (number: number, fromDay: number): void => {
    const fromMinute = firstMinute + fromDay * minutesOfDay
    tell({
      begun: [
        {
          number,
          ranges: [
            {
              tenant: 'default',
              meter: meter.name,
              version: meter.version,
              fromMinute,
              toMinute: fromMinute + 1,
            },
          ],
        },
      ],
    })
    tell({ over: [number] })
  }
  const readings = async (report: AskedReport = month) => (await reader(report))?.rows[0]?.readings
  return { readings, asked, touch, month, tell, writes, store }
}

t.test('only the days that were written to are read again', async (t) => {
  const { readings, asked, touch, month } = start()
  t.equal(await readings(), 31n)
  t.equal(await readings(), 31n)
  t.same(asked.splice(0), [[0, 31]])
  touch(1, 30)
  touch(2, 4)
  touch(3, 5)
  t.equal(await readings(), 31n)
  t.same(asked.splice(0), [
    [4, 1],
    [5, 1],
    [30, 1],
  ])
  t.equal(await readings({ ...month, fromUs: month.fromUs + 10 * day * 1e6 }), 21n)
  t.same(asked.splice(0), [], 'another range has the same days')
  for (const number of [4, 6, 8, 10]) touch(10 + number, number)
  await readings()
  t.same(asked.splice(0), [[4, 7]], 'many are read with what is between them')
})

t.test('while a day is written to it is read each time', async (t) => {
  const { readings, asked, tell } = start()
  await readings()
  asked.splice(0)
  const fromMinute = firstMinute + 2 * minutesOfDay
  tell({
    begun: [
      {
        number: 1,
        ranges: [{ tenant: 'default', meter: '', version: 0, fromMinute, toMinute: fromMinute + 1 }],
      },
    ],
  })
  await readings()
  await readings()
  t.same(asked, [
    [2, 1],
    [2, 1],
  ])
})

t.test('what does not add up, or is too much, is not made of pieces', async (t) => {
  const { readings, month } = start()
  for (const aggregation of ['unique', 'latest', 'p99'] as const) {
    t.equal(await readings({ ...month, meter: { ...meter, aggregation } }), undefined, aggregation)
  }
  t.equal(await start({ most: 5 }).readings(), undefined)
})

t.test('keys that may read different things do not share pieces', async (t) => {
  const { readings, asked, month } = start()
  await readings()
  await readings({ ...month, access: { ...month.access, subjects: ['ward-7/*'] } })
  t.equal(asked.length, 2)
})

t.test('long lists of constraints take no room in each piece', async (t) => {
  const { readings, month, store } = start()
  const subjects = Array.from({ length: 1_000 }, (_, index) => `ward-${index}/${'x'.repeat(100)}`)
  const access = { ...month.access, subjects }
  t.equal(await readings({ ...month, access }), 31n)
  t.equal(store.entries(), 31)
  t.ok(store.bytes() < 31 * 1_000, `${store.bytes()} bytes`)
})

t.test(
  'reports that differ in what they filter by share pieces, as long as there are few values',
  async (t) => {
    const { readings, asked, month, touch } = start()
    const filtered = (values: readonly string[]) => ({ ...month, filter: [{ dimension: 'page', values }] })
    t.equal(await readings(filtered(['/'])), 31n)
    t.equal(await readings(filtered(['/a', '/'])), 62n)
    t.equal(await readings(filtered(['/b'])), undefined)
    t.same(asked.splice(0), [[0, 31]])
    touch(1, 3)
    const all = await Promise.all([
      readings(filtered(['/'])),
      readings(filtered(['/a'])),
      readings(filtered(['/', '/a'])),
    ])
    t.same(all, [31n, 31n, 62n])
    t.same(asked.splice(0), [[3, 1]], 'asked for once, by all of them')
    const crowded = start({ most: 40 })
    t.equal(await crowded.readings({ ...crowded.month, filter: [{ dimension: 'page', values: ['/'] }] }), 31n)
    t.equal(crowded.asked.length, 2, 'too many values: with the filter')
    await crowded.readings({ ...crowded.month, filter: [{ dimension: 'page', values: ['/a'] }] })
    t.equal(crowded.asked.length, 3, 'which is remembered')
  },
)
