import { ServiceError } from '@millrace/service-kit/errors'
import t from 'tap'
import { createAnnouncedWrites } from '../src/announced-writes.ts'
import { createBoundedCache } from '../src/bounded-cache.ts'
import { TooSlowError } from '../src/clickhouse-reader.ts'
import type { KeptPiece } from '../src/kept-piece.ts'
import type { PartRow } from '../src/merge-pieces.ts'
import { type CacheEntry, createReportCache } from '../src/report-cache.ts'
import { createPiecesReader } from '../src/report-pieces-reader.ts'
import type { AskedReport } from '../src/report-query.ts'
import { meter, query } from './report-fixtures.ts'

const day = 86_400
const minutesOfDay = 1_440
/** Of one page in a month: one a minute. */
const perPage = 44_640n
const firstMinute = query.fromUs / 60_000_000

interface Limits {
  readonly most?: number
  /** Of a question by all dimensions. */
  readonly refusal?: Error
}

function start({ most = Number.POSITIVE_INFINITY, refusal }: Limits = {}) {
  const clock = { ms: 0 }
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
      windowOfHour: async () => [0, 0],
      pieces: async ({ fromUs, toUs, groupBy }: AskedReport, grid) => {
        asked.push([(fromUs - query.fromUs) / day / 1e6, (toUs - fromUs) / day / 1e6])
        if (refusal !== undefined && groupBy.length === meter.dimensions.length) throw refusal
        const pieces = new Map<number, PartRow[]>()
        const cellUs = grid * 1e6
        for (let cell = Math.floor(fromUs / cellUs); cell * cellUs < toUs; cell += 1) {
          const us = Math.min(toUs, (cell + 1) * cellUs) - Math.max(fromUs, cell * cellUs)
          const minutes = BigInt(us / 60_000_000)
          const groups = ['/', '/a'].map((page) => groupBy.map((name) => (name === 'page' ? page : 'SE')))
          pieces.set(
            cell,
            // Without dimensions they are one.
            (groupBy.includes('page') ? groups : groups.slice(1)).map((group) => ({
              start: 0,
              end: 0,
              group,
              readings: groupBy.includes('page') ? minutes : 2n * minutes,
              amount: undefined,
            })),
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
    nowMs: () => clock.ms,
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
  return { readings, asked, touch, month, tell, writes, store, clock }
}

t.test('only the days that were written to are read again', async (t) => {
  const { readings, asked, touch, month } = start()
  t.equal(await readings(), 2n * perPage)
  t.equal(await readings(), 2n * perPage)
  t.same(asked.splice(0), [[0, 31]])
  touch(1, 30)
  touch(2, 4)
  touch(3, 5)
  t.equal(await readings(), 2n * perPage)
  t.same(asked.splice(0), [
    [4, 1],
    [5, 1],
    [30, 1],
  ])
  t.equal(await readings({ ...month, fromUs: month.fromUs + 10 * day * 1e6 }), (2n * perPage * 21n) / 31n)
  t.same(asked.splice(0), [], 'another range has the same days')
  for (const number of [4, 6, 8, 10]) touch(10 + number, number)
  await readings()
  t.same(asked.splice(0), [[4, 7]], 'many are read with what is between them')
})

t.test('a day that is written to again is put together from its hours, one of which is read', async (t) => {
  const { readings, asked, touch, month } = start()
  const byPage = { ...month, groupBy: ['page'] }
  for (let number = 1; number <= 2; number += 1) {
    t.equal(await readings(), 2n * perPage)
    t.equal(await readings(byPage), perPage)
    touch(number, 30)
  }
  await readings()
  await readings(byPage)
  asked.splice(0)
  touch(3, 30)
  t.equal(await readings(), 2n * perPage)
  await readings(byPage)
  t.same(asked, [[30, 1 / 24]], 'once for all reports of the meter')
})

t.test('an hour that costs too much by all dimensions is read for each report by itself', async (t) => {
  const refusals = [new ServiceError('invalid-request', 'too much memory'), new TooSlowError(undefined)]
  for (const refusal of refusals) {
    const { readings, asked, touch, clock } = start({ refusal })
    const askedAfter = async (number: number) => {
      touch(number, 30)
      asked.splice(0)
      t.equal(await readings(), 2n * perPage)
      return asked.map(([, days]) => Math.round(days * 24))
    }
    await readings()
    t.same(await askedAfter(1), [24], 'the hours of the day')
    t.same(await askedAfter(2), [1, 1], 'by all dimensions, then by its own')
    t.same(await askedAfter(3), [1], 'which is remembered')
    clock.ms += 600_000
    t.same(await askedAfter(4), [1, 1], 'for ten minutes')
    t.same(await askedAfter(5), [1])
  }
})

t.test('while ClickHouse is away no hour is taken for too costly', async (t) => {
  const away = start({ refusal: new ServiceError('unavailable', 'away') })
  await away.readings()
  away.touch(1, 30)
  await away.readings()
  for (const number of [2, 3]) {
    away.touch(number, 30)
    await t.rejects(away.readings(), { code: 'unavailable' })
  }
})

t.test(
  'a report that ends now reads no more than the present hour, whatever moment it ends at',
  async (t) => {
    const { readings, asked, month } = start()
    const until = (minute: number) => ({ ...month, toUs: month.toUs - 90 * 60e6 + minute * 60e6 })
    for (const minute of [1, 2, 3]) await readings(until(minute))
    asked.splice(0)
    await readings(until(4))
    t.equal(asked.length, 1)
    t.ok((asked[0]?.[1] ?? 1) < 1 / 24)
  },
)

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
  t.equal(await readings({ ...month, access }), 2n * perPage)
  t.equal(store.entries(), 31)
  t.ok(store.bytes() < 31 * 1_000, `${store.bytes()} bytes`)
})

t.test(
  'reports that differ in what they filter by share pieces, as long as there are few values',
  async (t) => {
    const { readings, asked, month, touch } = start()
    const filtered = (values: readonly string[]) => ({ ...month, filter: [{ dimension: 'page', values }] })
    t.equal(await readings(filtered(['/'])), perPage)
    t.equal(await readings(filtered(['/a', '/'])), 2n * perPage)
    t.equal(await readings(filtered(['/b'])), undefined)
    t.same(asked.splice(0), [[0, 31]])
    touch(1, 3)
    const all = await Promise.all([
      readings(filtered(['/'])),
      readings(filtered(['/a'])),
      readings(filtered(['/', '/a'])),
    ])
    t.same(all, [perPage, perPage, 2n * perPage])
    t.same(asked.splice(0), [[3, 1]], 'asked for once, by all of them')
    const crowded = start({ most: 40 })
    t.equal(
      await crowded.readings({ ...crowded.month, filter: [{ dimension: 'page', values: ['/'] }] }),
      2n * perPage,
    )
    t.equal(crowded.asked.length, 2, 'too many values: with the filter')
    await crowded.readings({ ...crowded.month, filter: [{ dimension: 'page', values: ['/a'] }] })
    t.equal(crowded.asked.length, 3, 'which is remembered')
  },
)
