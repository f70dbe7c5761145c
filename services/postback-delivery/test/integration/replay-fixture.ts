import { randomUUID } from 'node:crypto'
import { deliveryStateKey } from '@millrace/catalog/delivery-state-store'
import type { DeliveryReplayProgress } from '@millrace/catalog/replay-progress'
import type { Replay } from '@millrace/catalog/replay-resource'
import { Attempt, CatalogRecord, Delivery, DeliveryState, Outcome } from '@millrace/proto'
import {
  catalogTopic,
  deadTopic,
  deliveriesTopic,
  deliveryStateTopic,
  parkedTopic,
  postbacksTopic,
} from '@millrace/proto/topics'
import { connectKafkaConsumer } from '@millrace/service-kit/kafka-consumer'
import { connectKafkaProducer } from '@millrace/service-kit/kafka-producer'
import { ensureTopics } from '@millrace/service-kit/kafka-topics'
import type { Mesh } from './helper.ts'

const topics = [catalogTopic, parkedTopic, deadTopic, deliveryStateTopic]

export type DeliveriesReplay = Extract<Replay, { what: 'deliveries' }>

/** What replays read and write, seen from outside. */
export interface ReplayFixture {
  /** Ids of deliveries that came (back) to millrace.postbacks. */
  readonly sent: readonly Delivery[]
  /** Records that say that a delivery was taken up again. */
  readonly redriven: readonly Attempt[]
  keep(status: 'dead' | 'held', deliveries: readonly Delivery[]): Promise<void>
  /** @returns its id */
  replay(
    filter: DeliveriesReplay['filter'],
    parts?: Partial<Omit<DeliveriesReplay, 'filter'>>,
  ): Promise<string>
  /** As a whole, once it is done. */
  progress(replay: string): DeliveryReplayProgress | undefined
  stop(): Promise<void>
}

export async function startReplayFixture({ config, logger }: Mesh): Promise<ReplayFixture> {
  await ensureTopics([...topics, postbacksTopic, deliveriesTopic], config, logger)
  const producer = await connectKafkaProducer(
    config,
    { clientId: 'test', deliveryTimeoutMs: 30_000, lingerMs: 1, maxUnconfirmedBytes: 100_000_000 },
    logger,
  )
  const consumer = await connectKafkaConsumer(
    config,
    {
      clientId: 'test',
      groupId: `test-${randomUUID()}`,
      topics: [postbacksTopic.name, deliveriesTopic.name, deliveryStateTopic.name],
    },
    logger,
  )
  const sent: Delivery[] = []
  const redriven: Attempt[] = []
  const wholes = new Map<string, DeliveryReplayProgress>()
  let reading = true
  const running = (async () => {
    while (reading) {
      for (const { topic, key, value } of await consumer.consume(1_000, 100)) {
        if (value === null) continue
        if (topic.endsWith(postbacksTopic.name)) sent.push(Delivery.decode(value))
        else if (topic.endsWith(deliveriesTopic.name)) {
          const record = Attempt.decode(value)
          if (record.outcome === Outcome.REDRIVEN) redriven.push(record)
        } else {
          const { state } = DeliveryState.decode(value)
          if (state?.$case === 'replay') wholes.set(String(key), state.value)
        }
      }
    }
  })()
  const write = (topic: string, key: string, value: Uint8Array) =>
    producer.send({ topic: config.kafkaTopicPrefix + topic, key, value: Buffer.from(value) })
  return {
    sent,
    redriven,
    async keep(status, deliveries) {
      const topic = status === 'dead' ? deadTopic.name : parkedTopic.name
      await Promise.all(deliveries.map((one) => write(topic, one.id, Delivery.encode(one).finish())))
    },
    async replay(filter, parts = {}) {
      const name = `rep_${randomUUID()}`
      const body: DeliveriesReplay = {
        what: 'deliveries',
        filter,
        ratePerSecond: 10_000,
        status: 'accepted',
        requestedAt: new Date().toISOString(),
        ...parts,
      }
      const record: CatalogRecord = {
        tenant: 'default',
        kind: 'replay',
        name,
        version: 1,
        deleted: false,
        json: JSON.stringify(body),
        writtenAtUs: Date.now() * 1_000,
        writtenBy: 'test',
      }
      await write(catalogTopic.name, `default/replay/${name}`, CatalogRecord.encode(record).finish())
      return name
    },
    progress: (replay) => wholes.get(deliveryStateKey.replay('default', replay)),
    async stop() {
      reading = false
      await running
      await consumer.stop()
      await producer.stop(1_000)
    },
  }
}
