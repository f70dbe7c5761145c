import { setTimeout as delay } from 'node:timers/promises'
import { KeyUsage } from '@millrace/proto'
import { usageTopic } from '@millrace/proto/topics'
import type { KafkaConfig } from '@millrace/service-kit/kafka-client'
import { connectKafkaConsumer, type KafkaConsumer } from '@millrace/service-kit/kafka-consumer'
import type { OutgoingMessage } from '@millrace/service-kit/kafka-producer'
import type { Logger } from '@millrace/service-kit/log'
import type { KeyUsageBook } from './key-usage.ts'

export interface KeyUsageExchangeDeps {
  readonly book: KeyUsageBook
  /** Resolves once Kafka has the message. */
  readonly send: (message: OutgoingMessage) => Promise<unknown>
  readonly logger: Logger
  /** Name of the service. */
  readonly service: string
}

export interface KeyUsageExchange {
  /** Tells what is untold, then stops. */
  stop(): Promise<void>
}

/** Together with the way through Kafka it is how late an instance learns what the others have let a key take. */
const tellEveryMs = 200
const waitMs = { idle: 100, afterError: 500 }

/**
 * Tells the other instances through millrace.usage how keys are used here, and takes in what they tell. A crash loses
 * what was taken in the last fifth of a second; without Kafka each instance goes on by what it knows.
 */
export function startKeyUsageExchange(deps: KeyUsageExchangeDeps, config: KafkaConfig): KeyUsageExchange {
  const topic = config.kafkaTopicPrefix + usageTopic.name
  const stopping = new AbortController()
  const telling = tellRegularly(deps, topic, stopping.signal)
  const following = follow(deps, config, topic, stopping.signal)
  return {
    async stop() {
      stopping.abort()
      await Promise.all([telling, following])
    },
  }
}

async function tellRegularly(deps: KeyUsageExchangeDeps, topic: string, signal: AbortSignal): Promise<void> {
  while (!signal.aborted) {
    await delay(tellEveryMs, undefined, { signal, ref: false }).catch(() => undefined)
    await tell(deps, topic)
  }
}

async function tell({ book, send, logger }: KeyUsageExchangeDeps, topic: string): Promise<void> {
  const sends = book.collect().map(async (usage) => {
    try {
      await send({
        topic,
        partition: 0,
        key: `${usage.tenant}/${usage.keyId}`,
        value: Buffer.from(KeyUsage.encode(usage).finish()),
      })
    } catch (error) {
      book.restore([usage])
      logger.debug({ part: 'key-usage', err: error }, 'use of a key is told later')
    }
  })
  await Promise.all(sends)
}

async function follow(
  deps: KeyUsageExchangeDeps,
  config: KafkaConfig,
  topic: string,
  signal: AbortSignal,
): Promise<void> {
  while (!signal.aborted) {
    let consumer: KafkaConsumer | undefined
    try {
      consumer = await connect(deps, config)
      // What was taken before now is paid by now; only when a key was last used still counts.
      const { high } = await consumer.watermarks(topic, 0, 5_000)
      consumer.assign([{ topic, partition: 0, offset: 0 }])
      await applyAll(consumer, deps, high, signal)
    } catch (error) {
      deps.logger.warn({ part: 'key-usage', err: error }, 'use of keys elsewhere cannot be read')
      await delay(waitMs.afterError, undefined, { signal }).catch(() => undefined)
    } finally {
      await consumer?.stop()
    }
  }
}

function connect({ service, logger }: KeyUsageExchangeDeps, config: KafkaConfig): Promise<KafkaConsumer> {
  return connectKafkaConsumer(
    config,
    {
      clientId: `${service}-key-usage`,
      groupId: `${service}-key-usage-unused`,
      overrides: { 'fetch.wait.max.ms': 50 },
    },
    logger,
  )
}

async function applyAll(
  consumer: KafkaConsumer,
  { book, logger }: KeyUsageExchangeDeps,
  liveFrom: number,
  signal: AbortSignal,
): Promise<void> {
  while (!signal.aborted) {
    for (const { value, offset } of await consumer.consume(1_000, waitMs.idle)) {
      if (value === null) continue
      try {
        book.apply(KeyUsage.decode(value), offset >= liveFrom)
      } catch (error) {
        logger.error({ part: 'key-usage', offset, err: error }, 'usage record cannot be decoded')
      }
    }
  }
}
