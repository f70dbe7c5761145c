import { setTimeout as sleep } from 'node:timers/promises'
import { Attempt, Delivery } from '@millrace/proto'
import { deliveriesTopic, postbacksTopic } from '@millrace/proto/topics'
import type { KafkaConfig } from '@millrace/service-kit/kafka-client'
import {
  connectKafkaConsumer,
  type KafkaConsumer,
  type Message,
  type TopicPartitionOffset,
} from '@millrace/service-kit/kafka-consumer'
import type { Logger } from '@millrace/service-kit/log'
import { deliveryColumns, writeAcceptanceRow, writeAttemptRow } from './delivery-rows.ts'
import type { AggregatorMetrics } from './metrics.ts'
import { RowBinary } from './row-binary.ts'
import type { RowWriter } from './row-writer.ts'
import { createWakeSignal } from './wake-signal.ts'

export interface DeliveriesConsumer {
  stop(): Promise<void>
}

interface Deps {
  readonly insert: RowWriter['insert']
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

const maxMessages = 2_000
/** Rebalances are noticed as often. */
const idleMs = 100

interface DeliveryRows {
  readonly rows: RowBinary
  count: number
  /** By topic and partition: the next offset to come. */
  readonly next: Map<string, TopicPartitionOffset>
  /** Milliseconds since 1970; 0 before the first look. */
  openedAt: number
}

/**
 * Lands acceptances and attempts in `deliveries`. Insert first, then commit: after a crash between the two the rows
 * are inserted again and replace themselves. One batch at a time, so memory is bounded by it.
 */
export async function startDeliveriesConsumer(
  deps: Deps,
  config: DeliveriesConsumerConfig,
): Promise<DeliveriesConsumer> {
  const { logger } = deps
  const stopping = new AbortController()
  const queued = createWakeSignal()
  const consumer = await connectKafkaConsumer(
    config,
    {
      clientId: 'aggregator-deliveries',
      groupId: 'millrace-aggregator-deliveries',
      topics: [postbacksTopic.name, deliveriesTopic.name],
      overrides: {
        'session.timeout.ms': config.sessionTimeoutMs,
        'queued.max.messages.kbytes': 8_192,
      },
      onQueued: queued.wake,
    },
    logger,
  )
  const postbacks = config.kafkaTopicPrefix + postbacksTopic.name
  const loop = async (): Promise<void> => {
    while (!stopping.signal.aborted) {
      try {
        const batch = await collect(consumer, config, logger, (message, rows) =>
          takeMessage(message, rows, postbacks, deps),
        )
        if (batch.next.size > 0) await land(batch)
        else await queued.wait(idleMs)
      } catch (error) {
        if (stopping.signal.aborted) return
        logger.warn({ err: error }, 'deliveries cannot be read or committed')
        await sleep(200)
      }
    }
  }
  const land = async ({ rows, count, next, openedAt }: DeliveryRows): Promise<void> => {
    if (count > 0) {
      await deps.insert(
        { table: 'deliveries', columns: deliveryColumns, rows: rows.bytes(), token: undefined },
        stopping.signal,
      )
      deps.metrics.rowsLanded.inc({ table: 'deliveries' }, count)
      logger.info({ rows: count, bytes: rows.length, ageMs: deps.now() - openedAt }, 'deliveries landed')
    }
    await consumer.commit([...next.values()])
  }
  const looping = loop()
  return {
    async stop() {
      // A batch that waits for ClickHouse is given up: it is not committed and will be read again.
      stopping.abort(new Error('the service stops'))
      await looping
      await consumer.stop()
    },
  }
}

/**
 * Reads until the batch is old or large enough; empty when nothing came. What was read is never thrown away: the
 * consumer has gone past it, and the next commit would too.
 */
export async function collect(
  consumer: Pick<KafkaConsumer, 'consume'>,
  config: Pick<DeliveriesConsumerConfig, 'batchMaxAgeMs' | 'batchMaxBytes'>,
  logger: Logger,
  take: (message: Message, batch: DeliveryRows) => void,
): Promise<DeliveryRows> {
  const batch: DeliveryRows = { rows: new RowBinary(), count: 0, next: new Map(), openedAt: 0 }
  let rest = 0
  do {
    let messages: readonly Message[]
    try {
      messages = await consumer.consume(maxMessages, rest)
    } catch (error) {
      if (batch.next.size === 0) throw error
      logger.warn({ err: error }, 'no more deliveries can be read, those that came are landed')
      return batch
    }
    if (batch.openedAt === 0) batch.openedAt = Date.now()
    for (const message of messages) {
      take(message, batch)
      const { topic, partition, offset } = message
      batch.next.set(`${topic}:${partition}`, { topic, partition, offset: offset + 1 })
    }
    if (batch.next.size === 0) return batch
    rest = batch.openedAt + config.batchMaxAgeMs - Date.now()
  } while (rest > 0 && batch.count < maxMessages && batch.rows.length < config.batchMaxBytes)
  return batch
}

function takeMessage(message: Message, batch: DeliveryRows, postbacks: string, deps: Deps): void {
  const { topic, partition, offset, value } = message
  const storedAtUs = deps.now() * 1_000
  try {
    const bytes = value ?? Buffer.alloc(0)
    if (topic === postbacks) {
      const delivery = Delivery.decode(bytes)
      // A delivery that comes back to the topic was accepted before.
      if (delivery.id === '' || delivery.attempts > 0) return
      writeAcceptanceRow(batch.rows, delivery, storedAtUs)
    } else {
      const attempt = Attempt.decode(bytes)
      if (attempt.deliveryId === '') return
      writeAttemptRow(batch.rows, attempt, storedAtUs)
    }
    batch.count += 1
  } catch (error) {
    deps.metrics.recordsSkipped.inc({ reason: 'undecodable' })
    deps.logger.error({ topic, partition, offset, err: error }, 'message cannot be decoded, skipped')
  }
}
