import { randomUUID } from 'node:crypto'
import { stat } from 'node:fs/promises'
import { catalogTopic } from '@millrace/proto/topics'
import t from 'tap'
import { readConfig } from '../../src/config.ts'
import { connectKafkaProducer } from '../../src/kafka-producer.ts'
import { startTopicFollower } from '../../src/kafka-topic-follower.ts'
import { ensureTopics } from '../../src/kafka-topics.ts'
import { createLogger } from '../../src/log.ts'
import { kafkaSettings } from '../../src/shared-settings.ts'

const logger = createLogger('service-kit-test', 'silent')
/** Twice as many as a process has threads. */
const followers = 8
const calls = 30

t.test('followers that wait hold none of the threads, and are told at once of what comes', async (t) => {
  const config = readConfig(kafkaSettings, {
    KAFKA_BROKERS: process.env.KAFKA_BROKERS,
    KAFKA_TOPIC_PREFIX: `t-${randomUUID()}-`,
    KAFKA_REPLICATION_FACTOR: '1',
    KAFKA_MIN_INSYNC_REPLICAS: '1',
  })
  await ensureTopics([catalogTopic], config, logger)
  const options = { clientId: 'test', deliveryTimeoutMs: 10_000, lingerMs: 1, maxUnconfirmedBytes: 1_000_000 }
  const producer = await connectKafkaProducer(config, options, logger)
  t.teardown(() => producer.stop(5_000))
  const applied: number[] = []
  const started = await Promise.all(
    Array.from({ length: followers }, () =>
      startTopicFollower(
        config,
        {
          topic: catalogTopic.name,
          clientId: 'test',
          part: 'test',
          apply: ({ offset }) => applied.push(offset),
        },
        logger,
      ),
    ),
  )
  t.teardown(() => Promise.all(started.map((follower) => follower.stop())))
  // Each needs a thread for a moment. Behind reads that wait for a tenth of a second each, none would have one at once.
  let quickestMs = Number.POSITIVE_INFINITY
  for (let call = 0; call < calls; call += 1) {
    const startedMs = performance.now()
    await stat('.')
    quickestMs = Math.min(quickestMs, performance.now() - startedMs)
  }
  t.ok(quickestMs < 50, `a call takes ${quickestMs.toFixed(1)} ms`)

  const topic = config.kafkaTopicPrefix + catalogTopic.name
  const offset = await producer.send({ topic, partition: 0, key: 'a', value: Buffer.from('a') })
  await Promise.all(started.map((follower) => follower.readThrough(offset + 1)))
  t.same(applied, Array(followers).fill(offset))
})
