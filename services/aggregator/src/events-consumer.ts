import { setTimeout as sleep } from 'node:timers/promises'
import { eventsTopic, storingGroup } from '@millrace/proto/topics'
import type { KafkaConfig } from '@millrace/service-kit/kafka-client'
import {
  connectKafkaConsumer,
  type KafkaConsumer,
  type TopicPartition,
  type TopicPartitionOffset,
  type TopicPartitionOffsetAndMetadata,
} from '@millrace/service-kit/kafka-consumer'
import type { Logger } from '@millrace/service-kit/log'
import { chooseStart } from './choose-start.ts'
import { createOffsetCommitter } from './offset-committer.ts'
import { createPartitionLane, type LaneConfig, type LaneDeps, type PartitionLane } from './partition-lane.ts'
import { createPausedPartitions } from './pause-partitions.ts'
import { retryUntilDone } from './retry.ts'
import { createWakeSignal } from './wake-signal.ts'

export interface EventsConsumer {
  lanes(): readonly PartitionLane[]
  /** First and next offset of a partition, asked of the broker. */
  watermarks(partition: number): Promise<{ low: number; high: number }>
  /** The same as last heard of, without asking; undefined when nothing was heard yet. */
  lag(): readonly { readonly partition: number; readonly records: number }[]
  /** Lands and commits what was read, leaves the group. */
  stop(graceMs: number): Promise<void>
}

/** What a lane needs apart from the consumer. */
export type EventsConsumerDeps = Omit<LaneDeps, 'commit' | 'seek' | 'onRoom' | 'lanes'> & {
  readonly logger: Logger
  /** Stands between a lane and Kafka; tests put faults here. */
  readonly aroundCommit?: (commit: LaneDeps['commit']) => LaneDeps['commit']
}

export type EventsConsumerConfig = KafkaConfig &
  Omit<LaneConfig, 'topic'> & { readonly sessionTimeoutMs: number }

/** Insert time-out and commits have to end within it, or the group waits for this member. */
const revokeGraceMs = 5_000
const requestTimeoutMs = 2_000
const maxMessages = 500
/** Rebalances are noticed as often. */
const idleMs = 100

/**
 * Follows millrace.events in the group millrace-aggregator. Nothing is committed here: each lane commits what it has
 * landed. A revoked partition's unlanded records are forgotten; its next owner reads them again.
 */
export async function startEventsConsumer(
  deps: EventsConsumerDeps,
  config: EventsConsumerConfig,
): Promise<EventsConsumer> {
  const { logger, metrics } = deps
  const topic = config.kafkaTopicPrefix + eventsTopic.name
  const lanes = new Map<number, PartitionLane>()
  const stopping = new AbortController()
  const queued = createWakeSignal()
  const started = Promise.withResolvers<KafkaConsumer>()

  const onAssigned = async (
    partitions: readonly TopicPartition[],
  ): Promise<readonly TopicPartitionOffset[]> => {
    const consumer = await started.promise
    const starts = await retryUntilDone(() => readStarts(consumer, partitions), {
      signal: stopping.signal,
      onFailure: (error, attempt) => {
        if (attempt % 5 === 1) logger.warn({ attempt, err: error }, 'committed offsets cannot be read yet')
      },
    })
    for (const { start } of starts) {
      lanes.set(start.partition, createPartitionLane(laneDeps, { ...config, topic }, start))
    }
    logger.info({ partitions: partitions.map(({ partition }) => partition) }, 'partitions assigned')
    return starts.map(({ start, position }) => ({ topic, partition: start.partition, offset: position }))
  }

  const readStarts = async (consumer: KafkaConsumer, partitions: readonly TopicPartition[]) => {
    const committed = await consumer.committed(partitions, requestTimeoutMs)
    return Promise.all(
      committed.map(async (found) => {
        const { low, high } = await consumer.watermarks(topic, found.partition, requestTimeoutMs)
        const chosen = chooseStart(found, low, high)
        if (chosen.fault !== undefined) {
          metrics.offsetsMissing.inc()
          logger.error({ partition: found.partition, committed: found.offset, low, high }, chosen.fault)
        }
        return chosen
      }),
    )
  }

  const onRevoked = async (partitions: readonly TopicPartition[], lost: boolean): Promise<void> => {
    const revoked = partitions.map(({ partition }) => partition)
    logger.info({ partitions: revoked, lost }, 'partitions revoked')
    await Promise.all(
      revoked.map(async (partition) => {
        const lane = lanes.get(partition)
        lanes.delete(partition)
        paused.forget(partition)
        await lane?.close(lost ? 0 : revokeGraceMs)
      }),
    )
  }

  const consumer = await connectKafkaConsumer(
    config,
    {
      clientId: 'aggregator-events',
      groupId: storingGroup,
      topics: [eventsTopic.name],
      onAssigned,
      onRevoked,
      onQueued: queued.wake,
      overrides: {
        'session.timeout.ms': config.sessionTimeoutMs,
        // What librdkafka reads ahead of the lanes, over all partitions.
        'queued.max.messages.kbytes': 16_384,
      },
    },
    logger,
  )
  const paused = createPausedPartitions(consumer, topic)
  const committer = createOffsetCommitter(
    (offsets: readonly TopicPartitionOffsetAndMetadata[]) => consumer.commit(offsets),
    (error, attempt) => {
      metrics.commitRetries.inc()
      if (attempt % 5 === 1) logger.warn({ attempt, err: error }, 'offsets cannot be committed yet')
    },
  )
  const laneDeps: LaneDeps = {
    ...deps,
    commit: deps.aroundCommit?.(committer.commit) ?? committer.commit,
    seek: (partition, offset) => consumer.seek({ topic, partition, offset }, requestTimeoutMs),
    onRoom: paused.resume,
    lanes: () => lanes.size,
  }
  started.resolve(consumer)
  const loop = consumeLoop()

  async function consumeLoop(): Promise<void> {
    while (!stopping.signal.aborted) {
      try {
        const messages = await consumer.consume(maxMessages, 0)
        for (const message of messages) lanes.get(message.partition)?.offer(message)
        for (const [partition, lane] of lanes) if (lane.isFull()) paused.pause(partition)
        // Waiting inside the client would hold one of Node's few threads.
        if (messages.length === 0) await queued.wait(idleMs)
      } catch (error) {
        logger.warn({ err: error }, 'events cannot be read')
        await sleep(200)
      }
    }
  }

  return {
    lanes: () => [...lanes.values()],
    watermarks: (partition) => consumer.watermarks(topic, partition, requestTimeoutMs),
    lag: () => [...lanes.values()].flatMap((lane) => lagOf(consumer, topic, lane)),
    async stop(graceMs) {
      stopping.abort(new Error('the service stops'))
      await loop
      await Promise.all([...lanes.values()].map((lane) => lane.drain(graceMs)))
      await consumer.stop()
    },
  }
}

function lagOf(consumer: KafkaConsumer, topic: string, lane: PartitionLane) {
  const { nextOffset } = lane.progress()
  const { highOffset } = consumer.client.getWatermarkOffsets(topic, lane.partition)
  if (highOffset < 0) return []
  return [{ partition: lane.partition, records: Math.max(0, highOffset - nextOffset) }]
}
