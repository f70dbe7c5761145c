import { eventsTopic } from '@millrace/proto/topics'
import type { KafkaConfig } from '@millrace/service-kit/kafka-client'
import { connectKafkaConsumer, type KafkaConsumer } from '@millrace/service-kit/kafka-consumer'
import { connectTransactionalProducer } from '@millrace/service-kit/kafka-transactional-producer'
import { createLogger } from '@millrace/service-kit/log'
import type { Test } from 'tap'
import { createFlushSlots, type FlushSlots } from '../../src/flush-slots.ts'
import { createLaneCommits } from '../../src/lane-commits.ts'
import { retryUntilDone } from '../../src/retry.ts'
import { until } from './mesh-fixture.ts'

const logger = createLogger('aggregator', process.env.LOG_LEVEL ?? 'silent')

/** A member of a group that has all partitions. */
export async function joinGroup(t: Test, config: KafkaConfig): Promise<KafkaConsumer> {
  let assigned = false
  const consumer = await connectKafkaConsumer(
    config,
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

export interface OwnerOptions {
  readonly partition?: number
  readonly timeoutMs?: number
  readonly slots?: FlushSlots
}

/** What an owner of a partition commits with; `lost` tells what it heard: whether it was fenced. */
export async function takeUp(
  t: Test,
  config: KafkaConfig,
  consumer: KafkaConsumer,
  { partition = 0, timeoutMs = 5_000, slots = createFlushSlots(2) }: OwnerOptions = {},
) {
  // A Kafka that has just started loads its coordinator yet.
  const producer = await retryUntilDone(
    () =>
      connectTransactionalProducer(
        config,
        { clientId: 'fence', transactionalId: `fence-${partition}`, timeoutMs },
        logger,
      ),
    { signal: AbortSignal.timeout(30_000) },
  )
  const lane = new AbortController()
  const lost: boolean[] = []
  const commits = createLaneCommits({
    producer,
    consumer,
    slots,
    onRetry: () => {},
    onLost: ({ fenced }) => {
      lost.push(fenced)
      lane.abort(new Error('given up'))
    },
  })
  t.teardown(() => commits.stop())
  const topic = config.kafkaTopicPrefix + eventsTopic.name
  return {
    lost,
    stop: commits.stop,
    commit: (offset: number, metadata = '') =>
      commits.commit({ topic, partition, offset, metadata }, lane.signal),
  }
}

/** Offset and metadata that stand for a partition. */
export async function readCommitted(
  config: KafkaConfig,
  consumer: KafkaConsumer,
  partition = 0,
): Promise<unknown[]> {
  const topic = config.kafkaTopicPrefix + eventsTopic.name
  const [found] = await consumer.committed([{ topic, partition }], 5_000)
  return [found?.offset, found?.metadata ?? '']
}
