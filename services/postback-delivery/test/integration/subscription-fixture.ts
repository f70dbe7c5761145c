import { randomUUID } from 'node:crypto'
import { secretContext } from '@millrace/catalog/endpoint-signature'
import { createSecretBox, secretsKeysOf } from '@millrace/catalog/seal-secret'
import { CatalogRecord, Delivery, type Event, EventBatch } from '@millrace/proto'
import { catalogTopic, eventsTopic, postbacksTopic } from '@millrace/proto/topics'
import { connectKafkaConsumer } from '@millrace/service-kit/kafka-consumer'
import { connectKafkaProducer } from '@millrace/service-kit/kafka-producer'
import { ensureTopics } from '@millrace/service-kit/kafka-topics'
import {
  connectTransactionalProducer,
  type TransactionalProducer,
} from '@millrace/service-kit/kafka-transactional-producer'
import { Registry } from '@millrace/service-kit/metrics'
import { startSubscriptionConsumer } from '../../src/subscription-consumer.ts'
import { createSubscriptionMetrics } from '../../src/subscription-metrics.ts'
import type { Mesh } from './helper.ts'

/** Writes what ingest writes, and reads what is handed out. */
export interface Publisher {
  /**
   * @param body undefined deletes it; a `whsec_` secret of its own is sealed into it
   * @returns how far a delivery's `catalogThrough` has to tell to read so that this is known
   */
  putEndpoint(name: string, body: object | undefined): Promise<number>
  putEventType(name: string, body: object): Promise<number>
  /** One message of events, to one partition; whoever hands them out knows all that was put before. */
  publish(events: readonly Event[], partition?: number): Promise<void>
  stop(): Promise<void>
}

export const signingSecret = `whsec_${Buffer.alloc(24, 7).toString('base64')}`

export async function startPublisher({ config, logger }: Mesh, tenant = 'acme'): Promise<Publisher> {
  await ensureTopics([catalogTopic, eventsTopic, postbacksTopic], config, logger)
  const producer = await connectKafkaProducer(
    config,
    { clientId: 'publisher', deliveryTimeoutMs: 30_000, lingerMs: 1, maxUnconfirmedBytes: 100_000_000 },
    logger,
  )
  const box = createSecretBox(secretsKeysOf(config))
  let version = 0
  let catalogThrough = 0
  const put = async (kind: string, name: string, body: object | undefined): Promise<number> => {
    // The service may write the ones in between.
    version += 1_000
    const value = CatalogRecord.encode({
      ...{ tenant, kind, name, version, deleted: body === undefined },
      ...{ json: JSON.stringify(body ?? {}), writtenAtUs: Date.now() * 1_000, writtenBy: 'test' },
    }).finish()
    const topic = config.kafkaTopicPrefix + catalogTopic.name
    const message = { topic, key: `${tenant}/${kind}/${name}`, value: Buffer.from(value) }
    const through = (await producer.send(message)) + 1
    catalogThrough = Math.max(catalogThrough, through)
    return through
  }
  return {
    async putEndpoint(name, body) {
      const createdAt = new Date(Date.now() - 60_000).toISOString()
      const sealed = box.seal(signingSecret, secretContext(tenant, name))
      return await put('endpoint', name, body && { createdAt, secrets: [{ sealed, createdAt }], ...body })
    },
    putEventType: (name, body) => put('event-type', name, body),
    async publish(events, partition = 0) {
      const records = events.map((value) => ({ record: { $case: 'event' as const, value } }))
      const value = Buffer.from(EventBatch.encode({ records, catalogThrough }).finish())
      await producer.send({ topic: config.kafkaTopicPrefix + eventsTopic.name, partition, value })
    },
    stop: () => producer.stop(1_000),
  }
}

/** Follows millrace.postbacks: ids as often as they are there. */
export async function followDeliveries({ config, logger }: Mesh) {
  const consumer = await connectKafkaConsumer(
    config,
    { clientId: 'follower', groupId: `follower-${randomUUID()}`, topics: [postbacksTopic.name] },
    logger,
  )
  const deliveries: Delivery[] = []
  let reading = true
  const running = (async () => {
    while (reading) {
      for (const { value } of await consumer.consume(5_000, 100)) {
        if (value !== null) deliveries.push(Delivery.decode(value))
      }
    }
  })()
  return {
    deliveries: deliveries as readonly Delivery[],
    async stop() {
      reading = false
      await running
      await consumer.stop()
    },
  }
}

/** Hands every event out to one endpoint; each write first asks `beforeWrite`. */
export async function startSubscriptions(
  { config, logger }: Mesh,
  name: string,
  beforeWrite: (deliveries: number) => Promise<void>,
) {
  const connectProducer = async (): Promise<TransactionalProducer> => {
    const options = { clientId: name, transactionalId: name, timeoutMs: 10_000 }
    const producer = await connectTransactionalProducer(config, options, logger)
    return {
      ...producer,
      async writeAll(messages, positions) {
        await beforeWrite(messages.length)
        return await producer.writeAll(messages, positions)
      },
    }
  }
  const states: (string | undefined)[] = []
  const endpoint = { endpoint: 'one', filter: undefined, createdAtUs: 0, writtenAt: 0 }
  const consumer = await startSubscriptionConsumer(
    {
      awaitCatalog: () => undefined,
      hasEndpoints: async () => true,
      catalogPosition: () => 0,
      index: { candidates: () => [endpoint] },
      rulesOf: () => ({ findFault: undefined, maxAge: undefined }),
      connectProducer,
      onState: (missing) => states.push(missing),
      metrics: createSubscriptionMetrics(new Registry(), () => []),
      logger,
      now: Date.now,
    },
    config,
  )
  return { states, stop: consumer.stop }
}
