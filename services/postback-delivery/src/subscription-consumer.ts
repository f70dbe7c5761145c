import { setTimeout as delay } from 'node:timers/promises'
import { EventBatch } from '@millrace/proto'
import { eventsTopic } from '@millrace/proto/topics'
import type { KafkaConfig } from '@millrace/service-kit/kafka-client'
import {
  connectKafkaConsumer,
  type KafkaConsumer,
  type Message,
  type TopicPartition,
} from '@millrace/service-kit/kafka-consumer'
import type { TransactionalProducer } from '@millrace/service-kit/kafka-transactional-producer'
import type { Logger } from '@millrace/service-kit/log'
import { createSignal } from '@millrace/service-kit/signal'
import type { AwaitCatalog } from './await-catalog.ts'
import { type FanOutDeps, fanOut } from './fan-out.ts'
import { createRecentEvents } from './recent-events.ts'
import { createSubscriptionBatch, type EventsPartition } from './subscription-batch.ts'
import type { SubscriptionMetrics } from './subscription-metrics.ts'
import { chooseStarts } from './subscription-start.ts'
import { createSubscriptionWriter } from './subscription-writer.ts'

/** Reads events, and appends what endpoints subscribe to of them to millrace.postbacks, each once. */
export interface SubscriptionConsumer {
  lag(): readonly { readonly partition: number; readonly records: number }[]
  stop(): Promise<void>
}

export interface SubscriptionConsumerDeps extends Omit<FanOutDeps, 'onDropped'> {
  readonly awaitCatalog: AwaitCatalog
  /** Reads the catalog to its end, and tells whether there is any endpoint. */
  readonly hasEndpoints: () => Promise<boolean>
  readonly connectProducer: () => Promise<TransactionalProducer>
  readonly onState: (missing: string | undefined) => void
  readonly metrics: SubscriptionMetrics
  readonly logger: Logger
  /** Milliseconds since 1970. */
  readonly now: () => number
}

export const subscriptionsGroup = 'millrace-postback-delivery-subscriptions'
const maxMessages = 200
/** Rebalances are heard of only while reading. */
const idleMs = 100
const retryMs = 200
const seekTimeoutMs = 5_000
/** How long the group waits, when partitions move, for the transaction under way. */
const drainMs = 8_000
/** How long a stop waits for the transaction under way: a part of what all of it may take. */
const stopMs = 5_000
/** Of each partition; see `createRecentEvents`. */
const recentSize = 20_000

export async function startSubscriptionConsumer(
  deps: SubscriptionConsumerDeps,
  config: KafkaConfig,
): Promise<SubscriptionConsumer> {
  const { logger, metrics } = deps
  const topic = config.kafkaTopicPrefix + eventsTopic.name
  const owned = new Map<number, EventsPartition>()
  const queued = createSignal()
  let stopping = false
  /** What was handed over and is not done would be missing unless it is read again. */
  let isBehind = false
  let turn: Promise<void> = Promise.resolve()

  const consumer: KafkaConsumer = await connectKafkaConsumer(
    config,
    {
      clientId: subscriptionsGroup,
      groupId: subscriptionsGroup,
      topics: [eventsTopic.name],
      onQueued: queued.notify,
      async onAssigned(partitions) {
        const starts = await chooseStarts(consumer, partitions, deps, () => stopping)
        for (const { partition, offset, after } of starts) {
          const recent = createRecentEvents(recentSize)
          owned.set(partition, { topic, partition, next: offset, after, recent, leaving: false })
        }
        return starts.map(({ partition, offset }) => ({ topic, partition, offset }))
      },
      async onRevoked(partitions: readonly TopicPartition[]) {
        const leaving = partitions.flatMap(({ partition }) => owned.get(partition) ?? [])
        for (const partition of leaving) partition.leaving = true
        // A transaction that ends after the next assignment would be taken for one of its generation.
        await Promise.race([turn, delay(drainMs, undefined, { ref: false })])
        for (const { partition } of leaving) owned.delete(partition)
      },
      overrides: { 'queued.max.messages.kbytes': 16_384 },
    },
    logger,
  )
  /** Between two tries only: a call that never comes back costs this member its partitions, and others go on. */
  const listen = async (): Promise<void> => {
    try {
      const messages = await consumer.consume(1, 0)
      if (messages.length > 0) isBehind = true
    } catch (error) {
      logger.warn({ err: error }, 'events cannot be read')
      isBehind = true
    }
  }
  const writer = createSubscriptionWriter({
    ...deps,
    connect: deps.connectProducer,
    consumer: () => consumer,
    listen,
  })
  const batch = createSubscriptionBatch({ ...deps, write: writer.write }, config)
  const fanOutDeps = { ...deps, onDropped: (reason: string) => metrics.dropped.inc({ reason }) }

  const handle = async (
    { partition: number, offset, value }: Message,
    partition: EventsPartition | undefined,
  ): Promise<void> => {
    if (stopping || partition === undefined || partition.leaving || offset < partition.next) return
    const events = decode(value)
    if (events === undefined) {
      metrics.dropped.inc({ reason: 'undecodable' })
      logger.error({ topic, partition: number, offset }, 'message holds no events, skipped')
    } else {
      await deps.awaitCatalog(events)
      const after = offset === partition.next ? partition.after : undefined
      for (const made of fanOut(events, after, partition.recent, fanOutDeps)) {
        await batch.add(partition, offset, made)
        // The next owner goes on behind it.
        if (stopping || partition.leaving) return
      }
    }
    batch.end(partition, offset)
  }
  const handleAll = async (messages: readonly Message[]): Promise<void> => {
    // Those of now: a partition that goes and comes back meanwhile is read from where it was committed.
    const read = messages.map((message) => ({ message, partition: owned.get(message.partition) }))
    for (const { message, partition } of read) await handle(message, partition)
    await batch.flush()
  }
  const readAgain = async (): Promise<void> => {
    const present = [...owned.values()].filter(({ leaving }) => !leaving)
    const seeks = present.map(({ partition, next }) =>
      consumer.seek({ topic, partition, offset: next }, seekTimeoutMs),
    )
    await Promise.all(seeks)
  }
  const run = async (): Promise<void> => {
    while (!stopping) {
      try {
        if (isBehind) await readAgain()
        isBehind = false
        const messages = await consumer.consume(maxMessages, 0)
        turn = handleAll(messages)
        await turn
        if (messages.length === 0) await queued.wait(idleMs)
      } catch (error) {
        logger.warn({ err: error }, 'events cannot be read')
        isBehind = true
        await listen()
        await delay(retryMs)
      }
    }
  }
  const running = run()
  return {
    lag: () => [...owned.values()].flatMap((partition) => lagOf(consumer, partition)),
    async stop() {
      stopping = true
      writer.giveUp()
      queued.notify()
      // One that has no answer by then is settled by whoever comes next with its id.
      await Promise.race([running, delay(stopMs, undefined, { ref: false })])
      turn = Promise.resolve()
      await writer.stop()
      await consumer.stop()
    },
  }
}

function decode(value: Buffer | null): EventBatch | undefined {
  if (value === null) return undefined
  try {
    return EventBatch.decode(value)
  } catch {
    return undefined
  }
}

function lagOf({ client }: KafkaConsumer, { topic, partition, next }: EventsPartition) {
  const { highOffset } = client.getWatermarkOffsets(topic, partition)
  return highOffset < 0 ? [] : [{ partition, records: Math.max(0, highOffset - next) }]
}
