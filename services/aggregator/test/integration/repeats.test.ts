import t from 'tap'
import { differingRollups } from './differing-rollups.ts'
import { createMeshFixture, makeEvent, until } from './mesh-fixture.ts'

t.test(
  'an event counts once: in one message, in later ones, after a restart, and also when it is invalid',
  async (t) => {
    const mesh = await createMeshFixture(t)
    await mesh.putMeter('visits', { eventTypes: ['visit.recorded'], aggregation: 'count' })
    await mesh.putEventType('visit.checked', { schema: { required: ['path'] } })
    const first = await mesh.startAggregator()
    const events = Array.from({ length: 200 }, () => makeEvent())
    const invalid = makeEvent({ type: 'visit.checked' }, {})
    await mesh.publish([...events, ...events, invalid, invalid])
    await until('the first batch', async () => (await mesh.landed()) === 200)
    await mesh.publish([...events, invalid])
    await mesh.publish([
      makeEvent(),
      ...events.map((event) => ({ ...event, receivedAtUs: Date.now() * 1_000 })),
    ])
    await until('the second batch', async () => (await mesh.landed()) === 201)
    await first.stop()

    const second = await mesh.startAggregator()
    await mesh.publish([...events, invalid])
    // One per partition, behind the repeats: when they have landed, the repeats were judged.
    await Promise.all([0, 1].map((partition) => mesh.publishTo(partition, [makeEvent()])))
    await until('what came after the restart', async () => (await mesh.landed()) === 203)
    await second.stop()
    t.equal(await mesh.value('SELECT count(), uniqExact(id) FROM events'), '203\t203')
    t.equal(await mesh.value('SELECT count() FROM invalid_events'), '1')
    t.strictSame(await differingRollups(mesh), [])
  },
)

t.test('the same id from another source or tenant is another event', async (t) => {
  const mesh = await createMeshFixture(t)
  await mesh.startAggregator()
  const event = makeEvent()
  await mesh.publishTo(0, [event, { ...event, source: 'app' }, { ...event, tenant: 'other' }, event])
  await until('three rows', async () => (await mesh.value('SELECT count() FROM events')) === '3')
})

t.test('past the window an id is a fresh event', async (t) => {
  const mesh = await createMeshFixture(t, { DEDUPE_WINDOW: 'PT2S' })
  await mesh.startAggregator()
  const event = makeEvent()
  await mesh.publishTo(0, [event, event])
  await until('one row', async () => (await mesh.value('SELECT count() FROM events')) === '1')
  await until('a second one', async () => {
    await mesh.publishTo(0, [{ ...event, receivedAtUs: Date.now() * 1_000 }])
    return (await mesh.value('SELECT count() FROM events')) === '2'
  })
  const between = "dateDiff('millisecond', min(received_at), max(received_at))"
  t.ok(Number(await mesh.value(`SELECT ${between} FROM events`)) > 2_000, 'it came past the window')
})
