import t from 'tap'
import { compareMeters, completeBackfills, makeVisits } from './backfill-fixture.ts'
import { createMeshFixture, until } from './mesh-fixture.ts'

t.setTimeout(300_000)

const few = { only: ['sum', 'filtered', 'max', 'unique'] }

t.test('a meter that is made after the events equals one that was made before them', async (t) => {
  const mesh = await createMeshFixture(t, { AGGREGATOR_BACKFILL_CHUNK_EVENTS: '300' })
  await compareMeters.put(mesh, 'first')
  await mesh.startAggregator()
  const before = makeVisits(1_000)
  await mesh.publish(before)
  // Repeats, of the same batch and later.
  await mesh.publish(before.slice(0, 100))
  await until('the first 1000', async () => (await mesh.value('SELECT count() FROM events')) === '1000')
  await compareMeters.put(mesh, 'later')
  const after = makeVisits(300, 1_000)
  await mesh.publish([...after, ...before.slice(50, 150)])
  await until('all events', async () => (await mesh.value('SELECT count() FROM events')) === '1300')
  await until('complete', () => completeBackfills(mesh, 'later'), 60_000)
  t.strictSame(await compareMeters.differences(mesh, 'first', 'later'), [])
  t.not(await mesh.value('SELECT count() FROM backfilled_readings'), '0')
  t.equal(
    await mesh.value(
      'SELECT count() - uniqExact(meter, kafka_partition, kafka_offset, kafka_index) FROM backfilled_readings',
    ),
    '0',
  )
  const chunks = await mesh.value(`SELECT max(chunks) FROM backfill_chunks`)
  t.ok(Number(chunks) > 2, `in ${chunks} chunks`)
})

t.test(
  'meters that are made while several producers write miss nothing and count nothing twice',
  async (t) => {
    const mesh = await createMeshFixture(t, { AGGREGATOR_BACKFILL_CHUNK_EVENTS: '2000' })
    await compareMeters.put(mesh, 'first', few)
    await mesh.startAggregator()
    let published = 0
    let writing = true
    const landed = async (): Promise<number> => Number(await mesh.value('SELECT count() FROM events'))
    const produce = async (): Promise<void> => {
      while (writing) {
        const visits = makeVisits(20, published)
        published += 20
        await mesh.publish(visits)
        if (published % 100 === 0) await mesh.publish(visits.slice(0, 5))
        const own = published
        await until('a part of it landed', async () => (await landed()) > own - 400)
      }
    }
    const producers = [produce(), produce(), produce()]
    await until('some landed', async () => (await landed()) > 800)
    await compareMeters.put(mesh, 'second', few)
    const between = await landed()
    await until('more landed', async () => (await landed()) > between + 200)
    await compareMeters.put(mesh, 'third', few)
    // Changed at once: what the earlier version has counted so far must not show.
    await compareMeters.put(mesh, 'third', { ...few, version: 2 })
    await until('the second', () => completeBackfills(mesh, 'second', few), 90_000)
    await until('the third', () => completeBackfills(mesh, 'third', { ...few, version: 2 }), 90_000)
    writing = false
    await Promise.all(producers)
    await until('all events', async () => (await landed()) === published)
    t.strictSame(await compareMeters.differences(mesh, 'first', 'second', few), [])
    t.strictSame(await compareMeters.differences(mesh, 'first', 'third', { ...few, version: 2 }), [])
  },
)
