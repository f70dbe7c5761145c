import { CatalogRecord } from '@millrace/proto'
import { catalogTopic } from '@millrace/proto/topics'
import type { KafkaConfig } from '@millrace/service-kit/kafka-client'
import { connectKafkaConsumer, type KafkaConsumer } from '@millrace/service-kit/kafka-consumer'
import type { Logger } from '@millrace/service-kit/log'
import { type CatalogStore, createCatalogStore } from './catalog-store.ts'

/** How long a read waits for records before it looks at the deadline again. */
const waitMs = 50

/**
 * The catalog as it was when `offset` was the next to come: every record before it has been applied, and none from it
 * on. Kafka keeps each version for the topic's `min.compaction.lag.ms`; of resources that have changed since, and
 * whose version of that time is older than this, the store knows nothing.
 * Reads the topic from its beginning with a client of its own; for what happens rarely.
 * Rejects when the topic is shorter, when no broker answers, and at the deadline.
 */
export async function readCatalogThrough(
  config: KafkaConfig,
  logger: Logger,
  { service, offset, timeoutMs }: { service: string; offset: number; timeoutMs: number },
): Promise<CatalogStore> {
  const until = Date.now() + timeoutMs
  const name = `${service}-catalog-history`
  const consumer = await connectKafkaConsumer(config, { clientId: name, groupId: `${name}-unused` }, logger)
  try {
    const topic = config.kafkaTopicPrefix + catalogTopic.name
    const { high } = await consumer.watermarks(topic, 0, timeoutMs)
    if (high < offset) {
      throw new Error(`${catalogTopic.name} ends at ${high}: it cannot be read through ${offset}`)
    }
    const store = createCatalogStore()
    if (offset > 0) await applyThrough(consumer, topic, store, offset, until)
    return store
  } finally {
    await consumer.stop()
  }
}

async function applyThrough(
  consumer: KafkaConsumer,
  topic: string,
  store: CatalogStore,
  offset: number,
  until: number,
): Promise<void> {
  // Told before the last messages are handed over, so it counts only once those were applied.
  let end = 0
  consumer.onEnd((position) => {
    end = position.offset
  })
  consumer.assign([{ topic, partition: 0, offset: 0 }])
  for (let next = 0; next < offset; ) {
    if (Date.now() > until) throw new Error(`${catalogTopic.name} was read to ${next} of ${offset} in time`)
    const messages = await consumer.consume(500, waitMs)
    // Control records and what compaction took away have no messages: only the end tells that they were passed.
    next = Math.max(next, end)
    for (const { value, offset: at } of messages) {
      if (at < offset && value !== null) store.apply(CatalogRecord.decode(value), at)
      next = Math.max(next, at + 1)
    }
  }
}
