import t from 'tap'
import { type CountEvents, planChunks } from '../src/backfill-plan.ts'

/** Counts a list of times, as ClickHouse would. */
function counting(timesUs: readonly number[], questions: number[] = []): CountEvents {
  return async (fromUs, toUs, widthUs) => {
    questions.push(widthUs)
    const cells = new Map<number, number>()
    for (const time of timesUs) {
      if (time < fromUs || time >= toUs) continue
      const start = fromUs + Math.floor((time - fromUs) / widthUs) * widthUs
      cells.set(start, (cells.get(start) ?? 0) + 1)
    }
    return [...cells].sort(([a], [b]) => a - b).map(([start, events]) => ({ fromUs: start, events }))
  }
}

const endUs = 2 ** 32 * 1_000_000

t.test('without events there is no chunk', async (t) => {
  t.strictSame(await planChunks(0, endUs, 10, counting([])), [])
})

t.test('every event is in exactly one chunk, and no chunk is larger than twice the target', async (t) => {
  const sparse = Array.from({ length: 300 }, (_, index) => index * 13_000_000_000_000)
  const dense = Array.from({ length: 5_000 }, (_, index) => 1_700_000_000_000_000 + index * 7)
  const times = [...sparse, ...dense]
  const chunks = await planChunks(0, endUs, 50, counting(times))
  for (const time of times) {
    t.equal(chunks.filter(({ fromUs, toUs }) => time >= fromUs && time < toUs).length, 1)
  }
  for (const { fromUs, toUs, events } of chunks) {
    t.equal(events, times.filter((time) => time >= fromUs && time < toUs).length)
    t.ok(events <= 100)
  }
  t.ok(chunks.length < (times.length / 50) * 2.5, `${chunks.length} chunks`)
})

t.test('events of one microsecond are shared out by hash', async (t) => {
  const chunks = await planChunks(0, endUs, 10, counting([3, ...Array(95).fill(77_000_001), 77_000_002]))
  const shares = chunks.filter(({ buckets }) => buckets > 1)
  t.strictSame(
    shares.map(({ bucket }) => bucket),
    [0, 1, 2, 3, 4, 5, 6, 7, 8, 9],
  )
  for (const { fromUs, toUs, buckets, events } of shares) {
    t.strictSame(
      { fromUs, toUs, buckets, events },
      { fromUs: 77_000_001, toUs: 77_000_002, buckets: 10, events: 10 },
    )
  }
  t.equal(chunks.length, 12)
})
