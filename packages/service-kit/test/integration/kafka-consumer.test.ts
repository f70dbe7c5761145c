import { randomUUID } from 'node:crypto'
import type { TopicDescription } from '@millrace/proto/topics'
import t from 'tap'
import { readConfig } from '../../src/config.ts'
import type { KafkaConfig } from '../../src/kafka-client.ts'
import { connectKafkaConsumer, type KafkaConsumerOptions } from '../../src/kafka-consumer.ts'
import { ensureTopics } from '../../src/kafka-topics.ts'
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

async function freshConfig(): Promise<KafkaConfig> {
  const brokers = process.env.KAFKA_BROKERS
  if (!brokers) throw new Error('KAFKA_BROKERS is not set: run this through scripts/run-tests.ts integration')
  const config = readConfig(kafkaSettings, {
    KAFKA_BROKERS: brokers,
    KAFKA_TOPIC_PREFIX: `t-${randomUUID()}-`,
    KAFKA_REPLICATION_FACTOR: '1',
    KAFKA_MIN_INSYNC_REPLICAS: '1',
    KAFKA_EVENTS_PARTITIONS: '2',
  })
  await ensureTopics([samples], config, logger)
  return config
}

type Rebalanced = Pick<KafkaConsumerOptions, 'onAssigned' | 'onRevoked' | 'overrides'>

/** Reads until partitions were assigned, then stops. */
async function startAndStop({ onAssigned, ...options }: Rebalanced): Promise<void> {
  const assigned = Promise.withResolvers<void>()
  const consumer = await connectKafkaConsumer(
    await freshConfig(),
    {
      clientId: 'test',
      groupId: 'readers',
      topics: ['samples'],
      onAssigned(partitions) {
        assigned.resolve()
        return onAssigned?.(partitions) ?? Promise.resolve(undefined)
      },
      ...options,
    },
    logger,
  )
  let waiting = true
  const reading = (async () => {
    while (waiting) await consumer.consume(1, 100)
  })()
  await assigned.promise
  waiting = false
  await reading
  await consumer.stop()
}

const aborted = () => Promise.reject(new DOMException('the service stops', 'AbortError'))
const strategies = ['roundrobin', 'cooperative-sticky'] as const

for (const strategy of strategies) {
  const overrides = { 'partition.assignment.strategy': strategy }

  t.test(`a member stops, though what it does with revoked partitions is aborted, ${strategy}`, async () => {
    await startAndStop({ overrides, onRevoked: aborted })
  })

  t.test(`a member stops, though what it does with assigned partitions is aborted, ${strategy}`, async () => {
    await startAndStop({ overrides, onAssigned: aborted })
  })
}
