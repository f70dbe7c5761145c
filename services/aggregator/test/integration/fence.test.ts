import { eventsTopic } from '@millrace/proto/topics'
import { connectKafkaConsumer, type KafkaConsumer } from '@millrace/service-kit/kafka-consumer'
import { connectTransactionalProducer } from '@millrace/service-kit/kafka-transactional-producer'
import { createLogger } from '@millrace/service-kit/log'
import t, { type Test } from 'tap'
import { createFlushSlots } from '../../src/flush-slots.ts'
import { createLaneCommits } from '../../src/lane-commits.ts'
import { createMeshFixture, type MeshFixture, until } from './mesh-fixture.ts'

const logger = createLogger('aggregator', 'silent')

/** A member of a group that has all partitions. */
async function joinGroup(t: Test, mesh: MeshFixture): Promise<KafkaConsumer> {
  let assigned = false
  const consumer = await connectKafkaConsumer(
    mesh.config,
    {
      clientId: 'fence',
      groupId: 'fence',
      topics: [eventsTopic.name],
      onAssigned: async () => {
        assigned = true
        return undefined
      },
    },
    logger,
  )
  t.teardown(() => consumer.stop())
  await until('the group has given its partitions', async () => {
    await consumer.consume(1, 50)
    return assigned
  })
  return consumer
}

/** What an owner of partition 0 commits with; `lost` tells what it heard. */
async function takeUp(t: Test, mesh: MeshFixture, consumer: KafkaConsumer) {
  const producer = await connectTransactionalProducer(
    mesh.config,
    { clientId: 'fence', transactionalId: 'fence-0', timeoutMs: 5_000 },
    logger,
  )
  const lane = new AbortController()
  const lost: boolean[] = []
  const commits = createLaneCommits({
    producer,
    consumer,
    slots: createFlushSlots(2),
    onRetry: () => {},
    onLost: ({ fenced }) => {
      lost.push(fenced)
      lane.abort(new Error('given up'))
    },
  })
  t.teardown(() => commits.stop())
  const topic = mesh.topic(eventsTopic.name)
  return {
    lost,
    commit: (offset: number, metadata = '') =>
      commits.commit({ topic, partition: 0, offset, metadata }, lane.signal),
  }
}

t.test(
  'of two that both think they own a partition, the one that came first is refused for good',
  async (t) => {
    const mesh = await createMeshFixture(t)
    const consumer = await joinGroup(t, mesh)
    const committed = async () => {
      const [found] = await consumer.committed([{ topic: mesh.topic(eventsTopic.name), partition: 0 }], 5_000)
      return [found?.offset, found?.metadata ?? '']
    }
    const first = await takeUp(t, mesh, consumer)
    await first.commit(5, '{"pending":[5,9],"catalog":1}')
    t.strictSame(await committed(), [5, '{"pending":[5,9],"catalog":1}'])

    const second = await takeUp(t, mesh, consumer)
    t.strictSame(await committed(), [5, '{"pending":[5,9],"catalog":1}'])
    await second.commit(10)
    await t.rejects(first.commit(10), { message: 'given up' })
    await t.rejects(first.commit(6), { message: 'given up' })
    t.strictSame(first.lost, [true])
    t.strictSame(second.lost, [])
    await second.commit(12)
    t.strictSame(await committed(), [12, ''])
  },
)
