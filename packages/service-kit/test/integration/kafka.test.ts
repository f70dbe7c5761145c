import { randomUUID } from 'node:crypto'
import type { TopicDescription } from '@millrace/proto/topics'
import t, { type Test } from 'tap'
import { readConfig } from '../../src/config.ts'
import { ServiceError } from '../../src/errors.ts'
import type { KafkaConfig } from '../../src/kafka-client.ts'
import { connectKafkaConsumer, type KafkaConsumer } from '../../src/kafka-consumer.ts'
import { connectKafkaProducer } from '../../src/kafka-producer.ts'
import { ensureTopics } from '../../src/kafka-topics.ts'
import { connectTransactionalProducer } from '../../src/kafka-transactional-producer.ts'
import { createLogger } from '../../src/log.ts'
import { kafkaSettings } from '../../src/shared-settings.ts'

const logger = createLogger('service-kit-test', 'silent')
const samples: TopicDescription = {
  name: 'samples',
  message: 'EventBatch',
  key: 'none',
  partitions: 'events',
  cleanup: 'delete',
  retentionMs: 60_000,
}

function freshConfig(partitions = 2): KafkaConfig {
  const brokers = process.env.KAFKA_BROKERS
  if (!brokers) throw new Error('KAFKA_BROKERS is not set: run this through scripts/run-tests.ts integration')
  return readConfig(kafkaSettings, {
    KAFKA_BROKERS: brokers,
    KAFKA_TOPIC_PREFIX: `t-${randomUUID()}-`,
    KAFKA_REPLICATION_FACTOR: '1',
    KAFKA_MIN_INSYNC_REPLICAS: '1',
    KAFKA_EVENTS_PARTITIONS: String(partitions),
  })
}

async function startProducer(t: Test, config: KafkaConfig, maxUnconfirmedBytes = 1_000_000) {
  const options = { clientId: 'test', deliveryTimeoutMs: 5_000, lingerMs: 1, maxUnconfirmedBytes }
  const producer = await connectKafkaProducer(config, options, logger)
  t.teardown(() => producer.stop(5_000))
  return producer
}

async function readUntil(consumer: KafkaConsumer, messages: number): Promise<string[]> {
  const values: string[] = []
  while (values.length < messages) {
    for (const { value } of await consumer.consume(100, 200)) values.push(String(value))
  }
  return values
}

t.test('missing topics are created once, also by several services at the same time', async (t) => {
  const config = freshConfig(3)
  const counts = await Promise.all([1, 2, 3].map(() => ensureTopics([samples], config, logger)))
  for (const found of counts) t.equal(found.get('samples'), 3)
})

t.test('an existing topic with other partitions is left as it is', async (t) => {
  const config = freshConfig(2)
  await ensureTopics([samples], config, logger)
  const found = await ensureTopics([samples], { ...config, kafkaEventsPartitions: 5 }, logger)
  t.equal(found.get('samples'), 2)
})

t.test('a sent message resolves with its offset and is read back in order', async (t) => {
  const config = freshConfig()
  await ensureTopics([samples], config, logger)
  const producer = await startProducer(t, config)
  const topic = `${config.kafkaTopicPrefix}samples`
  const offsets = await Promise.all(
    ['a', 'b', 'c'].map((value) => producer.send({ topic, partition: 1, value: Buffer.from(value) })),
  )
  t.same(offsets, [0, 1, 2])
  t.same(producer.unconfirmed(), { messages: 0, bytes: 0 })
  const consumer = await connectKafkaConsumer(
    config,
    { clientId: 'test', groupId: 'readers', topics: ['samples'] },
    logger,
  )
  t.teardown(() => consumer.stop())
  t.same(await readUntil(consumer, 3), ['a', 'b', 'c'])
})

t.test('a committed offset and its metadata are found by the next member of the group', async (t) => {
  const config = freshConfig(1)
  await ensureTopics([samples], config, logger)
  const producer = await startProducer(t, config)
  const topic = `${config.kafkaTopicPrefix}samples`
  for (const value of ['a', 'b', 'c']) await producer.send({ topic, partition: 0, value: Buffer.from(value) })
  const options = { clientId: 'test', groupId: 'readers', topics: ['samples'] }
  const first = await connectKafkaConsumer(config, options, logger)
  await readUntil(first, 3)
  await first.commit([{ topic, partition: 0, offset: 2, metadata: 'pending 2..2' }])
  await first.stop()
  const second = await connectKafkaConsumer(config, options, logger)
  t.teardown(() => second.stop())
  t.match(await second.committed([{ topic, partition: 0 }], 5_000), [{ offset: 2, metadata: 'pending 2..2' }])
  t.same(await readUntil(second, 1), ['c'])
})

t.test('above the limit of unconfirmed bytes a send is refused at once and may be tried again', async (t) => {
  const config = freshConfig()
  await ensureTopics([samples], config, logger)
  const producer = await startProducer(t, config, 100)
  const message = { topic: `${config.kafkaTopicPrefix}samples`, partition: 0, value: Buffer.alloc(80) }
  const sent = producer.send(message)
  const error = await producer.send(message).then(
    () => undefined,
    (refused: unknown) => refused,
  )
  t.ok(error instanceof ServiceError)
  t.match(error, { code: 'unavailable', retryable: true })
  t.equal(await sent, 0)
})

t.test('a message that is too large for Kafka is refused for good, and is no trouble', async (t) => {
  const config = freshConfig()
  await ensureTopics([samples], config, logger)
  const troubles: unknown[] = []
  const producer = await connectKafkaProducer(
    config,
    {
      clientId: 'test',
      deliveryTimeoutMs: 5_000,
      lingerMs: 1,
      maxUnconfirmedBytes: 10_000_000,
      onTrouble: (trouble) => troubles.push(trouble),
    },
    logger,
  )
  t.teardown(() => producer.stop(5_000))
  const topic = `${config.kafkaTopicPrefix}samples`
  await t.rejects(producer.send({ topic, partition: 0, value: Buffer.alloc(1_000_001) }), {
    code: 'too-large',
    retryable: false,
  })
  t.same(troubles, [])
  t.equal(await producer.send({ topic, partition: 0, value: Buffer.alloc(10) }), 0)
})

t.test('a message that the client refuses leaves its transaction without any effect', async (t) => {
  const config = freshConfig(1)
  await ensureTopics([samples], config, logger)
  const topic = `${config.kafkaTopicPrefix}samples`
  const source = await startProducer(t, config)
  await source.send({ topic, partition: 0, value: Buffer.from('source') })
  const consumer = await connectKafkaConsumer(
    config,
    { clientId: 'test', groupId: 'readers', topics: ['samples'] },
    logger,
  )
  t.teardown(() => consumer.stop())
  await readUntil(consumer, 1)
  const producer = await connectTransactionalProducer(
    config,
    { clientId: 'test', transactionalId: 'writer', timeoutMs: 10_000 },
    logger,
  )
  t.teardown(() => producer.stop())
  const positions = [{ consumer, offsets: [{ topic, partition: 0, offset: 1, metadata: 'done' }] }]
  const write = (value: Buffer) =>
    producer.writeAll(
      [
        { topic, partition: 0, value: Buffer.from('small') },
        { topic, partition: 0, value },
      ],
      positions,
    )
  await t.rejects(write(Buffer.alloc(1_100_000)), /too large/i)
  const [committed] = await consumer.committed([{ topic, partition: 0 }], 5_000)
  t.not(committed?.offset, 1, 'the offset stands where it was')
  // The refused transaction was ended, so that the next one can begin.
  await write(Buffer.from('fits'))
  t.match(await consumer.committed([{ topic, partition: 0 }], 5_000), [{ offset: 1, metadata: 'done' }])
  t.same(await readUntil(consumer, 2), ['small', 'fits'], 'nothing of the refused one is read')
})

t.test('a partition that could not be asked for is an error, not one without an offset', async (t) => {
  const config = freshConfig()
  await ensureTopics([samples], config, logger)
  const consumer = await connectKafkaConsumer(config, { clientId: 'test', groupId: 'readers' }, logger)
  t.teardown(() => consumer.stop())
  const partitions = [0, 1].map((partition) => ({ topic: `${config.kafkaTopicPrefix}samples`, partition }))
  t.match(await consumer.committed(partitions, 5_000), partitions)
  // What a real Kafka cannot be brought to answer.
  consumer.client.committed = ((
    _partitions: unknown,
    _timeoutMs: unknown,
    done: (...found: unknown[]) => void,
  ) => done(null, [{ ...partitions[0], offset: 3 }, new Error('not the coordinator')])) as never
  await t.rejects(consumer.committed(partitions, 5_000), { message: 'not the coordinator' })
})

t.test('a member whose rebalance failed says so', async (t) => {
  const config = freshConfig(1)
  await ensureTopics([samples], config, logger)
  const failed = Promise.withResolvers<Error>()
  const consumer = await connectKafkaConsumer(
    config,
    {
      clientId: 'test',
      groupId: 'readers',
      topics: ['samples'],
      onAssigned: () => Promise.reject(new Error('no start is known')),
      onFatal: failed.resolve,
    },
    logger,
  )
  t.teardown(() => consumer.stop())
  let waiting = true
  const reading = (async () => {
    while (waiting) await consumer.consume(1, 100)
  })()
  const error = await failed.promise
  waiting = false
  await reading
  t.match(error, { message: 'rebalance failed', cause: { message: 'no start is known' } })
})
