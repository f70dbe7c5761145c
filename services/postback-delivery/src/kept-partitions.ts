import { setTimeout as delay } from 'node:timers/promises'
import { deadTopic, parkedTopic } from '@millrace/proto/topics'
import type { KafkaConfig } from '@millrace/service-kit/kafka-client'
import {
  connectKafkaConsumer,
  type KafkaConsumer,
  type TopicPartition,
} from '@millrace/service-kit/kafka-consumer'
import type { ConsumerPosition } from '@millrace/service-kit/kafka-transactional-producer'
import type { Logger } from '@millrace/service-kit/log'
import { createSignal } from '@millrace/service-kit/signal'

/** Partitions of what is dead or held whose replays are this instance's to carry out. */
export interface KeptPartitions {
  owned(): readonly TopicPartition[]
  /**
   * What a transaction has to commit: Kafka refuses it once the group has gone on without this instance.
   * @param offset up to which the partition was looked through
   */
  fence(partitions: readonly (TopicPartition & { readonly offset: number })[]): ConsumerPosition
  stop(): Promise<void>
}

export interface KeptPartitionsDeps {
  readonly onAssigned: () => void
  /** Ends all work on the partitions; nothing more is written for them once it resolves. */
  readonly onRevoked: () => Promise<void>
  readonly logger: Logger
}

const group = 'millrace-postback-delivery-replays'
const idleMs = 500
const retryMs = 500
const committedTimeoutMs = 5_000
/** librdkafka's name for the end of a partition (RD_KAFKA_OFFSET_END). */
const end = -1

/**
 * The group only says whose a partition is: nothing is read through it. Its generation is the fence, since all leave
 * their partitions before they join it anew.
 */
export async function connectKeptPartitions(
  deps: KeptPartitionsDeps,
  config: KafkaConfig,
): Promise<KeptPartitions> {
  let owned: readonly TopicPartition[] = []
  let unpaused = false
  let stopping = false
  const queued = createSignal()
  const consumer: KafkaConsumer = await connectKafkaConsumer(
    config,
    {
      clientId: group,
      groupId: group,
      topics: [parkedTopic.name, deadTopic.name],
      onQueued: queued.notify,
      async onAssigned(partitions) {
        await untilSettled(consumer, partitions, deps.logger, () => stopping)
        owned = partitions
        unpaused = true
        deps.onAssigned()
        return partitions.map(({ topic, partition }) => ({ topic, partition, offset: end }))
      },
      async onRevoked() {
        owned = []
        await deps.onRevoked()
      },
    },
    deps.logger,
  )
  const run = async (): Promise<void> => {
    while (!stopping) {
      try {
        // Rebalances are heard of only while reading. A read that waits would hold one of the process' few threads.
        await consumer.consume(1, 0)
        if (unpaused) consumer.pause([...owned])
        unpaused = false
        await queued.wait(idleMs)
      } catch (error) {
        deps.logger.warn({ err: error, group }, 'reading failed')
        await delay(retryMs)
      }
    }
  }
  const running = run()
  return {
    owned: () => owned,
    fence: (partitions) => ({
      consumer,
      offsets: partitions.map(({ topic, partition, offset }) => ({ topic, partition, offset })),
    }),
    async stop() {
      stopping = true
      queued.notify()
      owned = []
      await running
      await deps.onRevoked()
      await consumer.stop()
    },
  }
}

/** A transaction that the partitions' former owner has begun may still be committed: Kafka answers once it is settled. */
async function untilSettled(
  consumer: KafkaConsumer,
  partitions: readonly TopicPartition[],
  logger: Logger,
  isStopping: () => boolean,
): Promise<void> {
  while (!isStopping()) {
    try {
      await consumer.committed(partitions, committedTimeoutMs)
      return
    } catch (error) {
      logger.warn({ err: error, group }, 'committed offsets cannot be read yet')
      await delay(retryMs)
    }
  }
}
