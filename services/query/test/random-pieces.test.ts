// Reports put together from pieces, over readings that change in between, compared with one pass over all of them.
import t from 'tap'
import { createAnnouncedWrites } from '../src/announced-writes.ts'
import { createBoundedCache } from '../src/bounded-cache.ts'
import type { KeptPiece } from '../src/kept-piece.ts'
import { mergePieces, type PartRow } from '../src/merge-pieces.ts'
import { createReportCache } from '../src/report-cache.ts'
import { createPiecesReader } from '../src/report-pieces-reader.ts'
import type { AskedReport } from '../src/report-query.ts'
import { meter, query } from './report-fixtures.ts'

const hourUs = 3_600_000_000
const minuteUs = 60_000_000

interface Reading {
  readonly us: number
  readonly group: readonly string[]
  readonly value: bigint
}

let state = 4_711
const random = (): number => {
  state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0
  return state / 2 ** 32
}
const pick = <Item>(items: readonly Item[]): Item => items[Math.floor(random() * items.length)] as Item

const readings: Reading[] = []
/** Many come into the same few hours again. */
const drawReading = (): Reading => ({
  us: query.fromUs + Math.floor(random() * pick([90 * 24, 3]) * hourUs),
  group: [pick(['SE', 'IN', '']), pick(['/', '/a', '/b'])],
  value: BigInt(Math.floor(random() * 100) - 50),
})

/** A part for each reading: putting equal ones together is the merger's work. */
function toParts({
  meter,
  groupBy,
  filter,
  fromUs,
  toUs,
  window,
}: AskedReport): (PartRow & { us: number })[] {
  return readings
    .filter(({ us }) => us >= fromUs && us < toUs)
    .filter(({ group }) =>
      filter.every(({ dimension, values }) =>
        values.includes(group[meter.dimensions.indexOf(dimension)] ?? ''),
      ),
    )
    .map(({ us, group, value }) => {
      const start = window === 'total' ? 0 : Math.floor(us / hourUs) * 3_600
      const own = groupBy.map((name) => group[meter.dimensions.indexOf(name)] ?? '')
      return { us, start, end: start + 3_600, group: own, readings: 1n, amount: value }
    })
}

function drawReport(): AskedReport {
  const fromUs = query.fromUs + Math.floor(random() * pick([60 * 24, 2])) * hourUs + pick([0, 0, 12_345_678])
  const aggregation = pick(['sum', 'min', 'max', 'avg'] as const)
  return {
    ...query,
    meter: { ...meter, name: aggregation, aggregation },
    fromUs,
    toUs: fromUs + Math.ceil(random() * 80 * 24) * hourUs + pick([0, 0, 1_234_567_890]),
    window: pick(['hour', 'total'] as const),
    groupBy: pick([[], ['page'], ['page', 'country']]),
    filter: pick([
      [],
      [{ dimension: 'page', values: ['/', '/b'] }],
      [{ dimension: 'country', values: [''] }],
    ]),
    order: [],
    limit: 1_000_000,
  }
}

const shown = (rows: readonly PartRow[]): readonly string[] =>
  rows.map(({ start, group, readings, amount }) => `${start} ${group.join()} ${readings} ${amount}`).sort()

t.test('reports from pieces equal those of one pass, whatever changes between them', async (t) => {
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
  let asked = 0
  const reader = createPiecesReader({
    writes,
    rows: {
      page: async () => [],
      windows: async () => [],
      windowOfHour: async (_query, hour) => [hour, hour + 3_600],
      pieces: async (report, grid, maxRows) => {
        asked += 1
        const parts = toParts(report)
        // Now and then there is more than may be taken.
        if (parts.length > maxRows || random() < 0.02) return undefined
        return Map.groupBy(parts, ({ us }) => Math.floor(us / 1_000_000 / grid))
      },
    },
    cache: createReportCache<KeptPiece>(
      {
        store: createBoundedCache(3_000_000),
        writes,
        dataThrough: () => 1,
        isUnavailable: () => false,
        count: () => {},
        nowMs: Date.now,
      },
      { maxStaleMs: 0 },
    ),
    windows: createBoundedCache(1_000),
    nowMs: () => 0,
  })
  const reports = Array.from({ length: 40 }, drawReport)
  let compared = 0
  for (let round = 1; round <= 60; round += 1) {
    const fresh = Array.from({ length: 1 + Math.floor(random() * 5) }, drawReading)
    const ranges = fresh.map(({ us }) => {
      const fromMinute = Math.floor(us / minuteUs)
      return { tenant: 'default', meter: '', version: 0, fromMinute, toMinute: fromMinute + 1 }
    })
    tell({ begun: [{ number: round, ranges }] })
    await Promise.all(reports.slice(0, 5).map((report) => reader(report)))
    readings.push(...fresh)
    tell({ over: [round] })
    const found = await Promise.all(reports.map((report) => reader(report)))
    for (const [index, report] of reports.entries()) {
      const page = found[index]
      if (page === undefined) continue
      compared += 1
      const plain = shown(mergePieces(report, [toParts(report)], []).rows)
      if (shown(page.rows).join('\n') !== plain.join('\n')) t.same(shown(page.rows), plain, `round ${round}`)
    }
  }
  t.ok(compared > 1_800, `${compared} reports`)
  t.ok(asked < compared * 2, `${asked} questions`)
})
