import t from 'tap'
import { differingRollups } from './differing-rollups.ts'
import { createMeshFixture, makeEvent, until } from './mesh-fixture.ts'
import { runUntilCrash } from './run-until-crash.ts'

const steps = [
  'before the pending range is written down',
  'while the pending range is written down',
  'before the insert',
  'after the insert, before the commit',
  'in the middle of the commit',
  'after the commit',
]

// Each waits for Kafka to notice that the member is dead.
t.jobs = steps.length
t.setTimeout(120_000)

for (const step of steps) {
  t.test(`an aggregator that dies ${step} loses and doubles nothing`, async (t) => {
    // A batch of one age: all that is there before the start is one range of each partition.
    const mesh = await createMeshFixture(t, { AGGREGATOR_BATCH_MAX_AGE_MS: '500' })
    await mesh.putEventType('visit.recorded', { schema: { properties: { path: { type: 'string' } } } })
    await mesh.putMeter('visits', {
      eventTypes: ['visit.recorded'],
      aggregation: 'count',
      groupBy: { page: '/data/path' },
    })
    await mesh.putMeter('amounts', {
      eventTypes: ['visit.recorded'],
      aggregation: 'sum',
      value: '/data/amount',
    })
    const events = Array.from({ length: 300 }, (_, index) =>
      makeEvent({}, { path: `/p${index % 5}`, amount: `${index}.01` }),
    )
    const invalid = makeEvent({}, { path: 1 })
    await mesh.publish([...events, invalid])
    await mesh.publish(events.slice(0, 50))
    await runUntilCrash(t, mesh, step)

    await mesh.publish([makeEvent({}, { amount: '0.5' }), ...events.slice(40, 90), invalid])
    await mesh.startAggregator()
    await Promise.all([0, 1].map((partition) => mesh.publishTo(partition, [makeEvent({}, { amount: 1 })])))
    await until('all rows', async () => (await mesh.landed()) === 303, 60_000)
    t.equal(await mesh.value('SELECT count(), uniqExact(id) FROM events'), '303\t303')
    // Its block is inserted after that of the events.
    const invalidRows = () => mesh.value('SELECT count() FROM invalid_events')
    await until('the invalid event', async () => (await invalidRows()) !== '0')
    t.equal(await invalidRows(), '1')
    t.strictSame(await differingRollups(mesh), [])
    const amounts = `SELECT sum(sum) FROM meter_minutes WHERE meter = 'amounts'`
    t.equal(await mesh.value(amounts), '44855.5')
  })
}
