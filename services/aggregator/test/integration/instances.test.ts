import t from 'tap'
import { differingRollups } from './differing-rollups.ts'
import { createMeshFixture, makeEvent, until } from './mesh-fixture.ts'
import { countLive, watchLive, watchProgress } from './watch.ts'

t.test('two instances share the partitions, and one that stops hands its own over', async (t) => {
  const mesh = await createMeshFixture(t)
  await mesh.putMeter('visits', { eventTypes: ['visit.recorded'], aggregation: 'count' })
  let published = 0
  const publish = async (): Promise<void> => {
    published += 100
    await mesh.publish(Array.from({ length: 100 }, () => makeEvent()))
  }
  const first = await mesh.startAggregator()
  const progress = [watchProgress(t, first)]
  const partitionsOf = (index: number) =>
    progress[index]?.messages.at(-1)?.landed.map(({ partition }) => partition)
  await publish()
  await until('the first has all', () => partitionsOf(0)?.join() === '0,1')
  const second = await mesh.startAggregator()
  progress.push(watchProgress(t, second))
  const live = [watchLive(t, first, 'visits'), watchLive(t, second, 'visits')]
  const shared = async (): Promise<boolean> => {
    await publish()
    return (
      [...(partitionsOf(0) ?? []), ...(partitionsOf(1) ?? [])].sort().join() === '0,1' &&
      partitionsOf(1)?.length === 1
    )
  }
  await until('each has one', shared)
  const [kept = -1] = partitionsOf(0) ?? []
  const told = progress[0]?.messages.map(({ landed }) => landed.map(({ partition }) => partition)) ?? []
  const sinceBoth = told.slice(told.findIndex((partitions) => partitions.length === 2))
  t.ok(
    sinceBoth.every((partitions) => partitions.includes(kept)),
    'what the first keeps it never gave up',
  )
  await publish()
  await until('all rows', async () => (await mesh.landed()) === published)
  await until('the live views add up', () => live.reduce((sum, one) => sum + countLive(one), 0) === published)

  await publish()
  await first.stop()
  await publish()
  await until('the second has all', () => partitionsOf(1)?.join() === '0,1')
  await until('all rows again', async () => (await mesh.landed()) === published)
  await until(
    'what the first has landed is seen live too',
    () => live[1] !== undefined && countLive(live[1]) === published,
  )
  t.equal(await mesh.value('SELECT count() - uniqExact(id) FROM events'), '0')
  t.strictSame(await differingRollups(mesh), [])
})

t.test('what was read lands when the service stops', async (t) => {
  const mesh = await createMeshFixture(t, { AGGREGATOR_BATCH_MAX_AGE_MS: '60000' })
  await mesh.putMeter('visits', { eventTypes: ['visit.recorded'], aggregation: 'count' })
  const service = await mesh.startAggregator()
  const live = watchLive(t, service, 'visits')
  // A new meter has everything landed that was read before it.
  await until(
    'the meter is backfilled',
    async () => (await mesh.value('SELECT count() FROM backfill_chunks')) !== '0',
  )
  await mesh.publish(Array.from({ length: 50 }, () => makeEvent()))
  await until('the events are seen live before they have landed', () => countLive(live) === 50)
  t.equal(await mesh.landed(), 0)
  await service.stop()
  t.equal(await mesh.landed(), 50)
})

t.test(
  'progress reaches the present when nothing is left to land, and stays behind what is not landed',
  async (t) => {
    const mesh = await createMeshFixture(t, { AGGREGATOR_BATCH_MAX_AGE_MS: '1500' })
    const service = await mesh.startAggregator()
    const { messages } = watchProgress(t, service)
    const throughUs = (partition: number): number =>
      messages.at(-1)?.landed.find((one) => one.partition === partition)?.throughUs ?? 0
    await until(
      'idle partitions reach the present',
      () => Math.min(throughUs(0), throughUs(1)) > (Date.now() - 3_000) * 1_000,
    )
    const event = makeEvent()
    await mesh.publishTo(0, [event])
    let claimedTooEarly = 0
    await until('the row', async () => {
      const claimed = throughUs(0)
      const landed = (await mesh.value('SELECT count() FROM events')) === '1'
      if (!landed && claimed > event.receivedAtUs) claimedTooEarly = claimed
      return landed
    })
    t.equal(claimedTooEarly, 0)
    await until('the partition has come past the event', () => throughUs(0) > event.receivedAtUs)
    t.equal(messages.at(-1)?.partitions, 2)
  },
)
