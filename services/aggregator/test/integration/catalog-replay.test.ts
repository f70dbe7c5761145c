import t from 'tap'
import { createMeshFixture, makeEvent, until } from './mesh-fixture.ts'
import { runUntilCrash } from './run-until-crash.ts'

const steps = ['before the insert', 'after the insert, before the commit']
t.jobs = steps.length
t.setTimeout(120_000)

for (const step of steps) {
  t.test(`a range whose owner died ${step} is judged by the catalog of its first time`, async (t) => {
    const mesh = await createMeshFixture(t, { AGGREGATOR_BATCH_MAX_AGE_MS: '500' })
    await mesh.putEventType('visit.recorded', {})
    await mesh.putMeter('visits', { eventTypes: ['visit.recorded'], aggregation: 'count' })
    await mesh.publishTo(
      0,
      Array.from({ length: 100 }, () => makeEvent()),
    )
    await runUntilCrash(t, mesh, step)

    // By it, none of these events would be valid, and another version of the meter would have counted them.
    await mesh.putEventType('visit.recorded', { schema: { required: ['amount'] } }, 2)
    await mesh.putMeter('visits', { eventTypes: ['visit.recorded'], aggregation: 'count', groupBy: {} }, 2)
    await mesh.startAggregator()
    await mesh.publishTo(0, [makeEvent(), makeEvent({}, { amount: 1 })])
    await until('all rows', async () => (await mesh.value('SELECT count() FROM events')) === '101', 60_000)
    await until('the new rules', async () => (await mesh.value('SELECT count() FROM invalid_events')) === '1')
    const readings = `SELECT reading.version, count() FROM events ARRAY JOIN readings AS reading GROUP BY 1 ORDER BY 1`
    t.equal(await mesh.value(readings), '1\t100\n2\t1')
  })
}
