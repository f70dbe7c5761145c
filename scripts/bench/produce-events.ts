import { EventBatch, type EventRecord } from '@millrace/proto'
import { eventPartition } from '@millrace/proto/event-partition'
import { eventsTopic } from '@millrace/proto/topics'
import { readConfig } from '@millrace/service-kit/config'
import { connectKafkaProducer } from '@millrace/service-kit/kafka-producer'
import { createLogger } from '@millrace/service-kit/log'
import { kafkaSettings } from '@millrace/service-kit/shared-settings'
import { type BenchMesh, eventsPartitions } from './bench-mesh.ts'
import { sampleEvent } from './sample-events.ts'

const perMessage = 100
/** More at a time would take more than the client has room for. */
const unconfirmedMessages = 5_000

/**
 * Fills millrace.events as ingest would: packed messages, each of one partition.
 * @param from which second of the year the first one occurred in; each is a second later than the one before
 */
export async function produceEvents(mesh: BenchMesh, events: number, from = 0): Promise<void> {
  const producer = await connectKafkaProducer(
    readConfig(kafkaSettings, { KAFKA_BROKERS: mesh.kafka.bootstrapServers }),
    { clientId: 'bench', deliveryTimeoutMs: 60_000, lingerMs: 5, maxUnconfirmedBytes: 512 * 1024 * 1024 },
    createLogger('bench', 'warn'),
  )
  const packs = Array.from({ length: eventsPartitions }, (): EventRecord[] => [])
  const sends: Promise<number>[] = []
  const flush = (partition: number): void => {
    const records = packs[partition]?.splice(0) ?? []
    const value = Buffer.from(EventBatch.encode({ records, catalogThrough: 0 }).finish())
    sends.push(producer.send({ topic: eventsTopic.name, partition, value }))
  }
  const run = `/bench/${Date.now()}`
  for (let index = from; index < from + events; index += 1) {
    const event = toEvent(run, index)
    const partition = eventPartition(event, eventsPartitions)
    const pack = packs[partition]
    pack?.push({ record: { $case: 'event', value: event } })
    if (pack?.length === perMessage) flush(partition)
    if (sends.length === unconfirmedMessages) await Promise.all(sends.splice(0))
  }
  for (const partition of packs.keys()) flush(partition)
  await Promise.all(sends)
  await producer.stop(10_000)
}

function toEvent(source: string, index: number) {
  const { type, subject = '', time, data } = sampleEvent('', index)
  return {
    tenant: 'default',
    source,
    id: `landing-${index}`,
    type,
    subject,
    occurredAtUs: Date.parse(time) * 1_000,
    receivedAtUs: Date.now() * 1_000,
    dataContentType: 'application/json',
    dataSchema: '',
    data: Buffer.from(JSON.stringify(data)),
    extensions: {},
    traceparent: '',
    application: 'bench',
    backfill: true,
  }
}
