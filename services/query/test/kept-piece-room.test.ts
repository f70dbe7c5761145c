// What is kept of pieces takes the room that it was counted with.
import t from 'tap'
import { createAnnouncedWrites } from '../src/announced-writes.ts'
import { createBoundedCache } from '../src/bounded-cache.ts'
import type { KeptPiece } from '../src/kept-piece.ts'
import type { PartRow } from '../src/merge-pieces.ts'
import { createPieceTree } from '../src/piece-tree.ts'
import { type CacheEntry, createReportCache } from '../src/report-cache.ts'
import type { AskedReport } from '../src/report-query.ts'
import { meter, query } from './report-fixtures.ts'

const day = 86_400
const groups = 50
const days = 70
/** The least that one is counted with. */
const rowBytes = 160

/** A day of a meter for each number, one after another. */
const reports = Array.from(
  { length: days },
  (_, index): AskedReport => ({
    ...query,
    meter: { ...meter, name: `meter-${index}` },
    groupBy: ['page'],
    window: 'total',
  }),
)
const piece = { index: query.fromUs / 1e6 / day, fromUs: query.fromUs, toUs: query.toUs }

function start() {
  const writes = createAnnouncedWrites(() => 0)
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
  const store = createBoundedCache<CacheEntry<KeptPiece>>(groups * 40_000)
  const keys = new Set<string>()
  const cache = createReportCache<KeptPiece>(
    {
      store: {
        ...store,
        set(key, value, bytes) {
          keys.add(key)
          store.set(key, value, bytes)
        },
      },
      writes,
      dataThrough: () => 1,
      isUnavailable: () => false,
      count: () => {},
      nowMs: () => 0,
    },
    { maxStaleMs: 0 },
  )
  const readTree = createPieceTree({
    rows: {
      pieces: async ({ fromUs, toUs }, grid) => {
        const cells = new Map<number, PartRow[]>()
        for (let cell = fromUs / 1e6 / grid; cell * grid * 1e6 < toUs; cell += 1) {
          const names = Array.from({ length: groups }, (_, group) => `page-${group}`)
          cells.set(
            cell,
            names.map((name) => ({ start: 0, end: 0, group: [name], readings: 1n, amount: undefined })),
          )
        }
        return cells
      },
    },
    writes,
    cache,
    hours: async () => undefined,
  })
  let written = 0
  const touch = ({ meter: { tenant, name, version } }: AskedReport): void => {
    written += 1
    const fromMinute = query.fromUs / 60e6 + 23 * 60
    const range = { tenant, meter: name, version, fromMinute, toMinute: fromMinute + 1 }
    tell({ begun: [{ number: written, ranges: [range] }] })
    tell({ over: [written] })
  }
  const kept = () => [...keys].flatMap((key) => store.get(key)?.value ?? [])
  return { read: (report: AskedReport) => readTree(report, [piece], day), touch, store, keys, kept }
}

/** All rows that can be reached from there. */
function rowsWithin(value: unknown, found = new Set<object>(), seen = new Set<object>()): Set<object> {
  if (typeof value !== 'object' || value === null || seen.has(value)) return found
  seen.add(value)
  if ('readings' in value) found.add(value)
  else for (const part of Object.values(value)) rowsWithin(part, found, seen)
  return found
}

t.test('days that are kept hold no rows of hours that are not', async (t) => {
  const { read, touch, store, keys, kept } = start()
  for (const [index, report] of reports.entries()) {
    await read(report)
    for (let time = 0; time < 2; time += 1) {
      touch(report)
      await read(report)
    }
    // Those before stay in demand as days, not by the hour.
    for (const former of reports.slice(0, index + 1)) {
      await read(former)
      await read(former)
    }
  }
  const held = kept()
  t.ok(held.some((piece) => piece.sum !== undefined))
  t.ok(keys.size > 2 * store.entries(), 'most hours were evicted')
  const bytes = rowsWithin(held).size * rowBytes
  t.ok(bytes <= store.bytes(), `${bytes} bytes held, ${store.bytes()} counted`)
})
