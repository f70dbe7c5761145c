import { randomUUID } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import { Attempt, Delivery } from '@millrace/proto'
import { deliveriesTopic, postbacksTopic } from '@millrace/proto/topics'
import type { KafkaConfig } from '@millrace/service-kit/kafka-client'
import {
  connectKafkaConsumer,
  type KafkaConsumer,
  type Message,
  type TopicPartition,
  type TopicPartitionOffset,
} from '@millrace/service-kit/kafka-consumer'
import { connectTransactionalProducer } from '@millrace/service-kit/kafka-transactional-producer'
import type { Logger } from '@millrace/service-kit/log'
import { createSignal } from '@millrace/service-kit/signal'
import { chooseStart } from './choose-start.ts'
import { createDeliveryCommits } from './delivery-commits.ts'
import { createDeliveryInbox, type DeliveryInbox } from './delivery-inbox.ts'
import { createDeliveryLander } from './delivery-lander.ts'
import { writeAcceptanceRow, writeAttemptRow } from './delivery-rows.ts'
import type { CaptureEraser, DeliveredEvent } from './erase-captures.ts'
import type { AggregatorMetrics } from './metrics.ts'
import { retryUntilDone } from './retry.ts'
import type { RowBinary } from './row-binary.ts'
import type { RowWriter } from './row-writer.ts'

export interface DeliveriesConsumer {
  stop(): Promise<void>
}

interface Deps {
  readonly insert: RowWriter['insert']
  readonly eraseLate: CaptureEraser['eraseLate']
  readonly metrics: AggregatorMetrics
  readonly logger: Logger
  /** Milliseconds since 1970. */
  readonly now: () => number
}

export type DeliveriesConsumerConfig = KafkaConfig & {
  readonly batchMaxAgeMs: number
  readonly batchMaxBytes: number
  readonly sessionTimeoutMs: number
}

const clientId = 'aggregator-deliveries'
const maxMessages = 2_000
/** Rebalances are noticed as often. */
const idleMs = 100
const requestTimeoutMs = 2_000
/** Of one call of a transaction, which is repeated until Kafka answers. */
const commitTimeoutMs = 5_000
/** What is being landed has to end within it, or the group waits for this member. */
const revokeGraceMs = 5_000

/** Lands acceptances and attempts in `deliveries`. One batch of each partition at a time, so memory is bounded by them. */
export async function startDeliveriesConsumer(
  deps: Deps,
  config: DeliveriesConsumerConfig,
): Promise<DeliveriesConsumer> {
  const { logger, metrics } = deps
  const stopping = new AbortController()
  const { signal } = stopping
  const queued = createSignal()
  const connected = Promise.withResolvers<KafkaConsumer>()
  const inbox = createDeliveryInbox()
  let landing: Promise<void> | undefined

  const assign = async (partitions: readonly TopicPartition[]): Promise<readonly TopicPartitionOffset[]> => {
    const consumer = await connected.promise
    const starts = await retryUntilDone(() => readStarts(consumer, partitions), {
      signal,
      onFailure: (error) => logger.warn({ err: error }, 'partitions of deliveries cannot be taken up yet'),
    })
    return starts.map(({ topic, start, position, fault }) => {
      const { partition, pending } = start
      if (fault !== undefined) {
        metrics.offsetsMissing.inc()
        logger.error({ topic, partition }, fault)
      }
      inbox.assign({ topic, partition }, pending)
      return { topic, partition, offset: position }
    })
  }

  const revoke = async (partitions: readonly TopicPartition[], lost: boolean): Promise<void> => {
    // What fails is not committed: the next owner reads it again.
    const landed = landing?.catch(() => undefined)
    if (!lost) await Promise.race([landed, sleep(revokeGraceMs, undefined, { ref: false })])
    for (const partition of partitions) inbox.revoke(partition)
  }

  const consumer = await connectKafkaConsumer(
    config,
    {
      clientId,
      groupId: 'millrace-aggregator-deliveries',
      topics: [postbacksTopic.name, deliveriesTopic.name],
      overrides: {
        'session.timeout.ms': config.sessionTimeoutMs,
        'queued.max.messages.kbytes': 8_192,
      },
      onAssigned: assign,
      onRevoked: revoke,
      onQueued: queued.notify,
    },
    logger,
  )
  connected.resolve(consumer)
  const postbacks = config.kafkaTopicPrefix + postbacksTopic.name
  const connectProducer = () =>
    connectTransactionalProducer(
      config,
      {
        clientId: `${clientId}-commits`,
        transactionalId: `${clientId}-${randomUUID()}`,
        timeoutMs: commitTimeoutMs,
      },
      logger,
    )
  const commits = createDeliveryCommits({ connect: connectProducer, consumer, put: inbox.put, logger })
  const land = createDeliveryLander({
    insert: deps.insert,
    commit: commits.commit,
    owns: inbox.owns,
    writeRow: (row, message, onCapture) => writeRow(row, message, postbacks, deps, onCapture),
    eraseLate: deps.eraseLate,
    metrics,
    logger,
    signal,
    now: deps.now,
  })
  const loop = async (): Promise<void> => {
    while (!signal.aborted) {
      try {
        await collect(consumer, inbox, config)
        const batches = inbox.take()
        if (batches.length > 0) landing = land(batches)
        else await queued.wait(idleMs)
        await landing
      } catch (error) {
        if (signal.aborted) return
        logger.warn({ err: error }, 'deliveries cannot be read')
        await sleep(200)
      }
    }
  }
  const looping = loop()
  return {
    async stop() {
      // A batch that waits for ClickHouse is given up: it is not committed and will be read again.
      stopping.abort()
      await commits.stop()
      await looping
      await consumer.stop()
    },
  }
}

async function readStarts(consumer: KafkaConsumer, partitions: readonly TopicPartition[]) {
  const committed = await consumer.committed(partitions, requestTimeoutMs)
  return await Promise.all(
    committed.map(async ({ topic, partition, offset, metadata }) => {
      const { low, high } = await consumer.watermarks(topic, partition, requestTimeoutMs)
      return { topic, ...chooseStart({ partition, offset, metadata: metadata ?? null }, low, high) }
    }),
  )
}

/** Reads until the oldest message is old or there are enough; what was read stays in the inbox, whatever fails. */
export async function collect(
  consumer: Pick<KafkaConsumer, 'consume'>,
  inbox: Pick<DeliveryInbox, 'put' | 'count' | 'bytes'>,
  config: Pick<DeliveriesConsumerConfig, 'batchMaxAgeMs' | 'batchMaxBytes'>,
): Promise<void> {
  const endsAt = performance.now() + config.batchMaxAgeMs
  let restMs = 0
  do {
    const messages = await consumer.consume(maxMessages, restMs)
    for (const message of messages) inbox.put(message)
    if (inbox.count === 0) return
    restMs = Math.ceil(endsAt - performance.now())
  } while (restMs > 0 && inbox.count < maxMessages && inbox.bytes < config.batchMaxBytes)
}

/** @returns rows written: 0 or 1 */
function writeRow(
  row: RowBinary,
  message: Message,
  postbacks: string,
  deps: Deps,
  onCapture: (event: DeliveredEvent) => void,
): number {
  const { topic, partition, offset, value } = message
  const storedAtUs = deps.now() * 1_000
  try {
    const bytes = value ?? Buffer.alloc(0)
    if (topic === postbacks) {
      const delivery = Delivery.decode(bytes)
      // A delivery that comes back to the topic was accepted before.
      if (delivery.id === '' || delivery.attempts > 0 || (delivery.steps ?? 0) > 0) return 0
      writeAcceptanceRow(row, delivery, storedAtUs)
    } else {
      const attempt = Attempt.decode(bytes)
      if (attempt.deliveryId === '') return 0
      writeAttemptRow(row, attempt, storedAtUs)
      const { tenant, event, withoutRequest } = attempt
      if (event !== undefined && withoutRequest !== true) onCapture({ tenant, ...event })
    }
    return 1
  } catch (error) {
    deps.metrics.recordsSkipped.inc({ reason: 'undecodable' })
    deps.logger.error({ topic, partition, offset, err: error }, 'message cannot be decoded, skipped')
    return 0
  }
}
