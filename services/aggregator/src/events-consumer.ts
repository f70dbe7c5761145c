import { setTimeout as sleep } from 'node:timers/promises'
import { eventsTopic, storingGroup } from '@millrace/proto/topics'
import type { KafkaConfig } from '@millrace/service-kit/kafka-client'
import { connectKafkaConsumer, type KafkaConsumer } from '@millrace/service-kit/kafka-consumer'
import { connectTransactionalProducer } from '@millrace/service-kit/kafka-transactional-producer'
import { createSignal } from '@millrace/service-kit/signal'
import { createOwnedPartitions, type OwnedPartitions, type OwnershipDeps } from './owned-partitions.ts'
import type { LaneConfig, PartitionLane } from './partition-lane.ts'
import { createPausedPartitions } from './pause-partitions.ts'

export interface EventsConsumer {
  lanes(): readonly PartitionLane[]
  /** First and next offset of a partition, asked of the broker. */
  watermarks(partition: number): Promise<{ low: number; high: number }>
  /** The same as last heard of, without asking; undefined when nothing was heard yet. */
  lag(): readonly { readonly partition: number; readonly records: number }[]
  /** Resolves once all that is in the log at the call has landed, by whichever instance. */
  untilLanded(signal: AbortSignal): Promise<void>
  /** Lands and commits what was read, leaves the group. */
  stop(graceMs: number): Promise<void>
}

/** What a lane needs apart from Kafka. */
export type EventsConsumerDeps = Omit<OwnershipDeps, 'connectProducer'>

export type EventsConsumerConfig = KafkaConfig &
  Omit<LaneConfig, 'topic'> & { readonly sessionTimeoutMs: number }

const requestTimeoutMs = 2_000
/** Of one call of a transaction, which is repeated until Kafka answers. */
const transactionTimeoutMs = 5_000
const maxMessages = 500
/** Rebalances are noticed as often. */
const idleMs = 100
const landedCheckMs = 250
/**
 * Each answer to a fetch costs the broker, the client and the lanes: without a least size there is one for every message of
 * ingest, hundreds a second. Up to that size events wait for so long, and a broker without any is asked as often.
 */
const fetchMinBytes = 128 * 1024
const fetchWaitMs = 25
/** Longer than a partition takes to get another owner. */
const standstillMs = 15_000

/**
 * Follows millrace.events in the group millrace-aggregator. Nothing is committed here: each lane commits what it has
 * landed. A revoked partition's unlanded records are forgotten; its next owner reads them again.
 */
export async function startEventsConsumer(
  deps: EventsConsumerDeps,
  config: EventsConsumerConfig,
  partitionCount: number,
): Promise<EventsConsumer> {
  const { logger } = deps
  const topic = config.kafkaTopicPrefix + eventsTopic.name
  const stopping = new AbortController()
  const queued = createSignal()
  const started = Promise.withResolvers<OwnedPartitions>()
  const numbers = (partitions: readonly { readonly partition: number }[]): readonly number[] =>
    partitions.map(({ partition }) => partition)

  const consumer = await connectKafkaConsumer(
    config,
    {
      clientId: 'aggregator-events',
      groupId: storingGroup,
      topics: [eventsTopic.name],
      onAssigned: async (partitions) => {
        const starts = await (await started.promise).assign(numbers(partitions))
        logger.info({ partitions: numbers(partitions) }, 'partitions assigned')
        return starts
      },
      onRevoked: async (partitions, lost) => {
        logger.info({ partitions: numbers(partitions), lost }, 'partitions revoked')
        await (await started.promise).revoke(numbers(partitions), lost)
      },
      onQueued: queued.notify,
      overrides: {
        'session.timeout.ms': config.sessionTimeoutMs,
        // Whoever comes or goes, partitions that stay where they are go on landing.
        'partition.assignment.strategy': 'cooperative-sticky',
        'fetch.min.bytes': fetchMinBytes,
        'fetch.wait.max.ms': fetchWaitMs,
        // What librdkafka reads ahead of the lanes, over all partitions.
        'queued.max.messages.kbytes': 16_384,
      },
    },
    logger,
  )
  const paused = createPausedPartitions(consumer, topic)
  const connectProducer = (partition: number) =>
    connectTransactionalProducer(
      config,
      {
        clientId: `aggregator-commits-${partition}`,
        transactionalId: `aggregator-${eventsTopic.name}-${partition}`,
        timeoutMs: transactionTimeoutMs,
      },
      logger,
    )
  const owned = createOwnedPartitions(
    { ...deps, connectProducer },
    { ...config, topic, retakeAfterMs: config.sessionTimeoutMs / 2 },
    consumer,
    paused,
  )
  started.resolve(owned)
  const loop = consumeLoop()

  async function consumeLoop(): Promise<void> {
    while (!stopping.signal.aborted) {
      try {
        const messages = await consumer.consume(maxMessages, 0)
        for (const message of messages) owned.lane(message.partition)?.offer(message)
        for (const [partition, lane] of owned.lanes()) if (lane.isFull()) paused.pause(partition)
        // Waiting inside the client would hold one of Node's few threads.
        if (messages.length === 0) await queued.wait(idleMs)
      } catch (error) {
        logger.warn({ err: error }, 'events cannot be read')
        await sleep(200)
      }
    }
  }

  return {
    lanes: () => [...owned.lanes().values()],
    watermarks: (partition) => consumer.watermarks(topic, partition, requestTimeoutMs),
    lag: () => [...owned.lanes().values()].flatMap((lane) => lagOf(consumer, topic, lane)),
    untilLanded: (signal) => untilLanded(consumer, topic, partitionCount, signal),
    async stop(graceMs) {
      stopping.abort(new Error('the service stops'))
      await loop
      await owned.stop(graceMs)
      await consumer.stop()
    },
  }
}

/** By the group's committed offsets: they are written after the insert. */
async function untilLanded(
  consumer: KafkaConsumer,
  topic: string,
  count: number,
  signal: AbortSignal,
): Promise<void> {
  const partitions = Array.from({ length: count }, (_, partition) => ({ topic, partition }))
  const ends = await Promise.all(
    partitions.map(({ partition }) => consumer.watermarks(topic, partition, requestTimeoutMs)),
  )
  let last = ''
  let movedAt = performance.now()
  // Where nothing moves any more, what is left are ends of transactions, which take offsets but hold no message.
  while (performance.now() - movedAt < standstillMs) {
    const committed = await consumer.committed(partitions, requestTimeoutMs)
    const offsets = committed.map(({ offset }) => offset).join()
    if (offsets !== last) movedAt = performance.now()
    last = offsets
    const landed = committed.every(({ partition, offset }) => {
      const { low, high } = ends[partition] ?? { low: 0, high: 0 }
      return high === low || (offset ?? -1) >= high
    })
    if (landed) return
    await sleep(landedCheckMs, undefined, { signal })
  }
}

function lagOf(consumer: KafkaConsumer, topic: string, lane: PartitionLane) {
  const { nextOffset } = lane.progress()
  const { highOffset } = consumer.client.getWatermarkOffsets(topic, lane.partition)
  if (highOffset < 0) return []
  return [{ partition: lane.partition, records: Math.max(0, highOffset - nextOffset) }]
}
