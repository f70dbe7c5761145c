import { isDeepStrictEqual } from 'node:util'
import { type Event, EventBatch, type EventRecord } from '@millrace/proto'
import { eventPartition } from '@millrace/proto/event-partition'
import t from 'tap'
import { differingFromMinutes } from './differing-rollups.ts'
import { createMeshFixture, type MeshFixture, makeEvent, until } from './mesh-fixture.ts'
import { runUntilCrash } from './run-until-crash.ts'
import { countLive, readLive, watchLive } from './watch.ts'

t.jobs = 4
t.setTimeout(240_000)

type Change = { readonly id: string; readonly erase?: boolean }

function settle({ id }: Change): EventRecord {
  const value = {
    ...named(id),
    reference: 'run 7',
    settledAtUs: 7,
  }
  return { record: { $case: 'settlement', value } }
}

function retract({ id, erase = false }: Change): EventRecord {
  return { record: { $case: 'retraction', value: { ...named(id), erase } } }
}

const named = (id: string) => ({
  tenant: 'default',
  source: 'clinic',
  id,
  receivedAtUs: Date.now() * 1_000,
  application: 'payroll',
  traceparent: '',
  allowedEventTypes: [],
  allowedSubjects: [],
})

const event = (value: Event): EventRecord => ({ record: { $case: 'event', value } })
const visit = (id: string): Event =>
  makeEvent(
    { id, source: 'clinic', type: 'care.visit', occurredAtUs: Date.UTC(2017, 9, 1) * 1_000 },
    { minutes: 5 },
  )

/** One message per partition, in the records' order. */
async function publish(mesh: MeshFixture, records: readonly EventRecord[]): Promise<void> {
  const byPartition = Map.groupBy(records, ({ record }) => {
    if (record === undefined || record.$case === 'replayed') throw new Error('has no name')
    return eventPartition(record.value, 2)
  })
  for (const [partition, part] of byPartition) {
    const bytes = EventBatch.encode({ records: [...part], catalogThrough: 0 }).finish()
    await mesh.publishBytes(partition, Buffer.from(bytes))
  }
}

async function createCareMesh(t: Parameters<typeof createMeshFixture>[0]): Promise<MeshFixture> {
  const mesh = await createMeshFixture(t, { AGGREGATOR_BATCH_MAX_AGE_MS: '500' })
  await mesh.putEventType('care.visit', {
    rates: [{ effectiveFrom: '2017-01-01T00:00:00Z', amountMinor: 100, currency: 'SEK' }],
  })
  await mesh.putMeter('care', { eventTypes: ['care.visit'], aggregation: 'amount' })
  await mesh.putMeter('visits', { eventTypes: ['care.visit'], aggregation: 'count' })
  await mesh.putMeter('middle', { eventTypes: ['care.visit'], aggregation: 'p50', value: '/data/minutes' })
  return mesh
}

const ids = (from: number, to: number): readonly Change[] =>
  Array.from({ length: to - from }, (_, index) => ({ id: `e${from + index}` }))

/** Of 40 events 20 are settled, some of them twice, and 5 settled ones and 5 others are retracted, these erased. */
const records = [
  ...ids(0, 40).map(({ id }) => event(visit(id))),
  ...[...ids(0, 20), { id: 'nobody' }, ...ids(5, 10)].map(settle),
  ...ids(10, 15).map(retract),
  ...ids(30, 35).map(({ id }) => retract({ id, erase: true })),
  ...ids(12, 14).map(retract),
]

const rollup = `SELECT meter, group, sum(count) AS readings, toString(sum(sum)) AS total FROM meter_minutes
  GROUP BY meter, group HAVING readings != 0 ORDER BY meter, group`
const expected = [
  { meter: 'care', group: ['SEK', 'false'], readings: 15, total: '1500' },
  { meter: 'care', group: ['SEK', 'true'], readings: 15, total: '1500' },
  { meter: 'visits', group: [], readings: 30, total: '0' },
]

async function untilChanged(mesh: MeshFixture): Promise<void> {
  const all = `SELECT count() FROM event_changes`
  await until('all changes', async () => (await mesh.value(all)) === '31', 60_000)
  // Readings are erased after the events.
  const left = 'SELECT (SELECT count() FROM events), (SELECT count() FROM meter_readings)'
  await until('erased', async () => (await mesh.value(left)) === '35\t35', 60_000)
}

async function checkChanged(t: Parameters<typeof createMeshFixture>[0], mesh: MeshFixture): Promise<void> {
  const rows = await mesh.rows<(typeof expected)[number]>(rollup)
  t.strictSame(await differingFromMinutes(mesh), [])
  t.strictSame(
    rows.map((row) => ({ ...row, readings: Number(row.readings) })),
    expected,
  )
  const changes =
    'SELECT kind, status, count() FROM event_changes GROUP BY kind, status ORDER BY kind, status'
  const [first, ...others] = (await mesh.clickhouse
    .query({ query: changes, format: 'TabSeparated' })
    .then((answer) => answer.text())
    .then((text) => text.trim().split('\n'))) as [string, ...string[]]
  t.strictSame(
    [first, ...others],
    ['retraction\tapplied\t10', 'settlement\tapplied\t20', 'settlement\tunknown-event\t1'],
  )
}

for (const step of [
  'after the insert, before the commit',
  'before the changes of events are inserted',
  'after the changes of events, before the erasing',
  'after the erasing, before the commit',
]) {
  t.test(`an aggregator that dies ${step} settles and retracts once`, async (t) => {
    const mesh = await createCareMesh(t)
    await publish(mesh, records)
    await runUntilCrash(t, mesh, step)
    await mesh.startAggregator()
    await untilChanged(mesh)
    await checkChanged(t, mesh)
  })
}

t.test('what was settled, retracted or erased stays so, across batches and restarts', async (t) => {
  const mesh = await createCareMesh(t)
  const first = await mesh.startAggregator()
  const live = { care: watchLive(t, first, 'care'), visits: watchLive(t, first, 'visits') }
  await publish(mesh, records.slice(0, 60))
  await until('events', async () => (await mesh.value('SELECT count() FROM events')) === '40')
  await publish(mesh, records.slice(60))
  await untilChanged(mesh)
  await checkChanged(t, mesh)
  const unpaidAndPaid = { 'SEK/false': { count: 15, sum: 1_500 }, 'SEK/true': { count: 15, sum: 1_500 } }
  await until('changes are seen live', () => isDeepStrictEqual(readLive(live.care), unpaidAndPaid))
  await until('retractions are seen live', () => countLive(live.visits) === 30)
  await first.stop()
  const second = await mesh.startAggregator()
  for (const [meter, expectedLive] of [
    ['care', unpaidAndPaid],
    ['visits', { '': { count: 30, sum: 0 } }],
    ['middle', { '': { count: 30, sum: 0 } }],
  ] as const) {
    const loaded = watchLive(t, second, meter)
    await until(`${meter} is loaded`, () => isDeepStrictEqual(readLive(loaded), expectedLive))
  }
  // Repeats, of an erased event too, and commands that have had their effect.
  const again = [event(visit('e30')), event(visit('e0')), settle({ id: 'e1' }), retract({ id: 'e10' })]
  await publish(mesh, again)
  // Behind them in both partitions.
  for (const partition of [0, 1]) await mesh.publishTo(partition, [visit(`last-${partition}`)])
  const visits = `SELECT sum(count) FROM meter_minutes WHERE meter = 'visits'`
  const lasts = `SELECT count() FROM events WHERE startsWith(id, 'last')`
  await until('the last events', async () => (await mesh.value(lasts)) === '2')
  await until('their rollup', async () => Number(await mesh.value(visits)) >= 32)
  t.equal(await mesh.value(visits), '32')
  t.strictSame(await differingFromMinutes(mesh), [])
  t.equal(await mesh.value('SELECT count() FROM event_changes'), '31')
})
