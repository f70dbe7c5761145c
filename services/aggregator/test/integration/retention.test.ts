import t from 'tap'
import { createMeshFixture, makeEvent, until } from './mesh-fixture.ts'

t.test('events go when the retention of their type has passed, what meters counted stays', async (t) => {
  const mesh = await createMeshFixture(t, { DEDUPE_WINDOW: 'PT1S', AGGREGATOR_RETENTION_EVERY_MS: '200' })
  await mesh.putEventType('visit.recorded', { schema: { required: ['path'] } })
  await mesh.putMeter('visits', { eventTypes: ['visit.recorded', 'kept'], aggregation: 'count' })
  await mesh.startAggregator()
  const changedUs = Date.UTC(2026, 0, 1) * 1_000
  await mesh.publish([
    ...Array.from({ length: 20 }, () => makeEvent()),
    makeEvent({}, { no: 'path' }),
    makeEvent({ id: 'beside a retraction', occurredAtUs: changedUs }),
    makeEvent({ id: 'kept', type: 'kept' }),
  ])
  await until('all have landed', async () => (await mesh.landed()) === 22)
  // Reports compute the minute of a retraction from single events.
  await mesh.clickhouse.command({
    query: `INSERT INTO event_changes (tenant, kind, status, type, occurred_at)
      VALUES ('default', 'retraction', 'applied', 'another', '2026-01-01 00:00:30')`,
  })
  await mesh.putEventType('visit.recorded', { schema: { required: ['path'] }, retention: 'PT3S' }, 2)
  const left = 'SELECT arraySort(groupArray((id, data))), (SELECT count() FROM invalid_events) FROM events'
  await until('the expired are gone', async () => {
    return (await mesh.value(left)) === `[('beside a retraction',''),('kept','{"path":"/"}')]\t0`
  })
  t.equal(await mesh.landed(), 22)
  t.equal(await mesh.value(`SELECT length(readings) FROM events WHERE id = 'beside a retraction'`), '1')
})
