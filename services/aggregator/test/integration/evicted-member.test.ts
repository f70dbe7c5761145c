import { deliveriesTopic } from '@millrace/proto/topics'
import { evictMembers } from '@millrace/scripts/evict-members'
import { connectKafkaConsumer, type KafkaConsumerOptions } from '@millrace/service-kit/kafka-consumer'
import { connectTransactionalProducer } from '@millrace/service-kit/kafka-transactional-producer'
import { createLogger } from '@millrace/service-kit/log'
import t, { type Test } from 'tap'
import { createDeliveryCommits } from '../../src/delivery-commits.ts'
import { createMeshFixture, type MeshFixture, until } from './mesh-fixture.ts'

t.setTimeout(60_000)

const groupId = 'evicted'
const logger = createLogger('test', 'silent')

/** Hears of rebalances only while it reads, as every member does. */
async function joinGroup(
  t: Test,
  { config }: MeshFixture,
  clientId: string,
  overrides: KafkaConsumerOptions['overrides'] = {},
) {
  let owned = 0
  const consumer = await connectKafkaConsumer(
    config,
    {
      ...{ clientId, groupId, overrides, topics: [deliveriesTopic.name] },
      async onAssigned(partitions) {
        owned = partitions.length
        return undefined
      },
    },
    logger,
  )
  t.teardown(consumer.stop)
  const untilOwner = () =>
    until(`${clientId} has both partitions`, async () => {
      await consumer.consume(1, 20)
      return owned === 2
    })
  return { consumer, untilOwner }
}

/** A member that commits, and is thrown out of its group. */
async function setUp(t: Test, overrides?: KafkaConsumerOptions['overrides']) {
  const mesh = await createMeshFixture(t)
  const place = { topic: mesh.topic(deliveriesTopic.name), partition: 0 }
  const { consumer, untilOwner } = await joinGroup(t, mesh, 'first', overrides)
  await untilOwner()
  // Each of an id of its own: none fences another.
  const connect = (transactionalId: string) =>
    connectTransactionalProducer(
      mesh.config,
      { clientId: 'first', transactionalId, timeoutMs: 5_000 },
      logger,
    )
  const connectCommits = () => connect('evicted-commits')
  const commits = createDeliveryCommits({ connect: connectCommits, consumer, put: () => undefined, logger })
  t.teardown(commits.stop)
  await commits.commit(() => [{ ...place, offset: 1 }])
  const [broker = ''] = mesh.config.kafkaBrokers
  t.equal(await evictMembers(broker, mesh.topic(groupId)), 1)
  return { mesh, place, consumer, commits, connect }
}

t.test('a commit that Kafka refuses is told of', async (t) => {
  // Its next heartbeat, by which it would hear of it, is far away.
  const slow = { 'heartbeat.interval.ms': 20_000, 'session.timeout.ms': 45_000 }
  const { place, consumer, commits } = await setUp(t, slow)
  await t.rejects(commits.commit(() => [{ ...place, offset: 2 }]))
  const [committed] = await consumer.committed([place], 5_000)
  t.equal(committed?.offset, 1)
})

t.test('a member that its group has gone on without sets nobody back, in no way', async (t) => {
  const { mesh, place, consumer, commits, connect } = await setUp(t)
  const second = await joinGroup(t, mesh, 'second')
  await second.untilOwner()
  await second.consumer.commit([{ ...place, offset: 7 }])
  const readCommitted = async () => (await second.consumer.committed([place], 5_000))[0]?.offset
  await until('the new owner’s commit is written down', async () => (await readCommitted()) === 7)
  await until('the first one’s client has heard of it', () => consumer.isEvicted())

  await t.rejects(consumer.commit([{ ...place, offset: 2 }]), /without this member/)
  const producer = await connect('evicted-messages')
  t.teardown(producer.stop)
  const message = { ...place, value: Buffer.from('x') }
  const positions = [{ consumer, offsets: [{ ...place, offset: 3 }] }]
  await t.rejects(producer.writeAll([message], positions), /without this member/)
  await t.rejects(
    commits.commit(() => [{ ...place, offset: 4 }]),
    /without this member/,
  )
  t.equal(await readCommitted(), 7)
})
