// How long something has lasted is not asked of a clock that can be set.
import { Registry } from '@millrace/service-kit/metrics'
import t, { type Test } from 'tap'
import { createAnnouncedWrites } from '../src/announced-writes.ts'
import { createCursorCodec } from '../src/cursor.ts'
import { createQueryMetrics } from '../src/metrics.ts'
import { createReports } from '../src/reports.ts'
import { meter, query } from './report-fixtures.ts'

const hourMs = 3_600_000

function start(t: Test) {
  const clock = { steadyMs: 10_000, setMs: Date.UTC(2026, 5, 1) }
  t.intercept(performance, 'now', { value: () => clock.steadyMs })
  t.intercept(Date, 'now', { value: () => clock.setMs })
  const told = { throughUs: clock.setMs * 1_000 }
  const writes = createAnnouncedWrites()
  const tell = (): void =>
    writes.apply('a', {
      instance: 'i',
      partitions: 1,
      landed: [{ partition: 0, throughUs: told.throughUs }],
      begun: [],
      over: [],
    })
  tell()
  const reports = createReports(
    {
      catalog: {
        meter: () => ({ ...meter, kind: 'meter', body: { ...meter, groupBy: {} } }) as never,
      },
      clickhouse: { read: async () => [] },
      cursors: createCursorCodec('a root key of these tests'),
      freshness: { dataThrough: async () => told.throughUs, known: () => told.throughUs, writes },
      backfills: { read: async () => ({ done: true, progress: 1 }) },
      metrics: createQueryMetrics(new Registry()),
      nowUs: () => clock.setMs * 1_000,
    },
    { cacheBytes: 1_000_000, maxStaleSeconds: 0 },
  )
  const readUntilNow = () => reports.read({ tenant: query.meter.tenant }, 'visits', { window: 'day' })
  return { clock, told, tell, writes, readUntilNow }
}

t.test('a report until now is not given for longer because the clock was set back', async (t) => {
  const { clock, told, tell, readUntilNow } = start(t)
  const before = await readUntilNow()
  t.equal((await readUntilNow()).query.toUs, before.query.toUs)
  clock.setMs -= hourMs
  clock.steadyMs += 501
  told.throughUs -= hourMs * 1_000
  tell()
  const after = await readUntilNow()
  t.equal(after.query.toUs, before.query.toUs - hourMs * 1_000)
  t.equal(after.dataThroughUs, told.throughUs)
})

t.test('silence is noticed though the clock was set back, and not because it was set', async (t) => {
  const { clock, writes } = start(t)
  clock.setMs += hourMs
  t.ok(writes.isCovered())
  clock.setMs -= 2 * hourMs
  clock.steadyMs += 2_500
  t.notOk(writes.isCovered())
})
