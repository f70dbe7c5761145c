import { Attempt, Outcome } from '@millrace/proto'
import { deliveriesTopic, postbacksTopic } from '@millrace/proto/topics'
import { evictMembers } from '@millrace/scripts/evict-members'
import { connectKafkaConsumer } from '@millrace/service-kit/kafka-consumer'
import { createLogger } from '@millrace/service-kit/log'
import t from 'tap'
import { createMeshFixture, type MeshFixture, until } from './mesh-fixture.ts'

t.setTimeout(60_000)

const group = 'millrace-aggregator-deliveries'
const none = Attempt.decode(Buffer.alloc(0))

const makeAttempt = (deliveryId: string): Buffer => {
  const startedAtUs = Date.UTC(2026, 0, 2) * 1_000
  const attempt = { ...none, tenant: 'default', deliveryId, endpoint: 'partner', number: 1, step: 1 }
  return Buffer.from(Attempt.encode({ ...attempt, outcome: Outcome.DELIVERED, startedAtUs }).finish())
}

/** A member that takes what it gets as landed; nobody sees a row of it. */
async function joinGroup({ config, topic }: MeshFixture) {
  let owned = 0
  let reading = true
  const consumer = await connectKafkaConsumer(
    config,
    {
      clientId: 'another',
      groupId: group,
      topics: [postbacksTopic.name, deliveriesTopic.name],
      async onAssigned(partitions) {
        owned = partitions.length
        return undefined
      },
    },
    createLogger('test', 'silent'),
  )
  const running = (async () => {
    while (reading) await consumer.consume(1, 50)
  })()
  return {
    owned: () => owned,
    async commitAll() {
      const place = { topic: topic(deliveriesTopic.name), partition: 0 }
      const { high } = await consumer.watermarks(place.topic, place.partition, 5_000)
      await consumer.commit([{ ...place, offset: high }])
      await until('that is written down', async () => {
        const [committed] = await consumer.committed([place], 5_000)
        return committed?.offset === high
      })
    },
    async stop() {
      reading = false
      await running
      await consumer.stop()
    },
  }
}

t.test('one that the group forgets while it lands sets nobody back, and joins again', async (t) => {
  const mesh = await createMeshFixture(t)
  const topic = mesh.topic(deliveriesTopic.name)
  const send = async (name: string, count = 50): Promise<void> => {
    const ids = Array.from({ length: count }, (_, n) => `${name}-${n}`)
    await Promise.all(ids.map((id) => mesh.producer.send({ topic, partition: 0, value: makeAttempt(id) })))
  }
  const gate = Promise.withResolvers<void>()
  let inserts = 0
  await send('before', 1)
  await mesh.startAggregator({
    aroundInsert: (insert) => async (block, signal) => {
      await insert(block, signal)
      inserts += 1
      // The block is there; that it is, has not been committed.
      await gate.promise
    },
  })
  t.teardown(gate.resolve)
  await until('the block is in the table', () => inserts > 0)
  const [broker = ''] = mesh.config.kafkaBrokers
  t.equal(await evictMembers(broker, mesh.topic(group)), 1)
  const another = await joinGroup(mesh)
  let stopped: Promise<void> | undefined
  const leave = (): Promise<void> => (stopped ??= another.stop())
  t.teardown(leave)
  await until('all partitions are somebody else’s', () => another.owned() === 4)
  await send('meanwhile')
  await another.commitAll()
  gate.resolve()
  await until('it has some of them again', () => another.owned() === 2)
  await leave()
  await send('after')
  const counted = () => mesh.value('SELECT sum(requests) FROM delivery_hours')
  await until('what came last is counted', async () => {
    const landed = await mesh.value(`SELECT countIf(delivery_id LIKE 'after-%') FROM deliveries`)
    return landed === '50' && Number(await counted()) >= 51
  })
  t.equal(await counted(), '51')
  t.equal(
    await mesh.value(`SELECT count(), countIf(delivery_id LIKE 'meanwhile-%') FROM deliveries`),
    '51\t0',
    'what another one had committed is not read again',
  )
})
