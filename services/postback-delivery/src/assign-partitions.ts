import { setTimeout as delay } from 'node:timers/promises'
import type {
  KafkaConsumer,
  TopicPartition,
  TopicPartitionOffsetAndMetadata,
} from '@millrace/service-kit/kafka-consumer'
import type { Logger } from '@millrace/service-kit/log'
import { readCommitted } from './commit-positions.ts'
import type { Lane } from './lanes.ts'
import { decodeProgress } from './progress-metadata.ts'
import { createOffsetTracker } from './track-offsets.ts'

/** librdkafka's name for the beginning of a partition (RD_KAFKA_OFFSET_BEGINNING). */
export const beginning = -2
const retryMs = 500

/**
 * What the partitions' former owners have left: where they stopped, and what they had finished beyond. Asks until it
 * is answered: a transaction that a crash left open is first ended by its coordinator.
 */
export async function readLanes(
  consumer: KafkaConsumer,
  partitions: readonly TopicPartition[],
  tierDelayMs: (topic: string) => number,
  logger: Logger,
  isStopping: () => boolean,
): Promise<readonly Lane[]> {
  while (!isStopping()) {
    try {
      const found = await readCommitted(consumer, [...partitions])
      return found.map((committed) => toLane(consumer, committed, tierDelayMs(committed.topic), logger))
    } catch (error) {
      logger.warn({ err: error }, 'committed offsets cannot be read yet')
      await delay(retryMs)
    }
  }
  return []
}

function toLane(
  consumer: KafkaConsumer,
  { topic, partition, offset, metadata }: TopicPartitionOffsetAndMetadata,
  tierDelayMs: number,
  logger: Logger,
): Lane {
  const start = typeof offset === 'number' && offset >= 0 ? offset : undefined
  const progress = start === undefined || !metadata ? undefined : decodeProgress(metadata, start)
  if (metadata && progress === undefined)
    logger.warn({ topic, partition }, 'committed progress was not written by this service')
  return {
    topic,
    partition,
    tierDelayMs,
    tracker: createOffsetTracker(start, progress),
    consumer,
    state: 'owned',
    records: 0,
    bytes: 0,
    inFlight: 0,
    ahead: [],
    paused: false,
  }
}
