import { randomBytes } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import { CatalogRecord, type Event, EventBatch, type EventRecord } from '@millrace/proto'
import { eventPartition } from '@millrace/proto/event-partition'
import { catalogTopic, eventsTopic, topics } from '@millrace/proto/topics'
import { type ClickHouseClient, connectClickhouse } from '@millrace/service-kit/clickhouse-client'
import { readConfig } from '@millrace/service-kit/config'
import { connectKafkaProducer, type KafkaProducer } from '@millrace/service-kit/kafka-producer'
import { ensureTopics } from '@millrace/service-kit/kafka-topics'
import { createLogger } from '@millrace/service-kit/log'
import type { Test } from 'tap'
import { type AggregatorConfig, settings } from '../../src/config.ts'
import { type AggregatorService, createService, type Faults } from '../../src/service.ts'

/** Topics and a database of a test's own, and what a producer does to them. */
export interface MeshFixture {
  /** Environment of an aggregator in this mesh. */
  readonly environment: Readonly<Record<string, string>>
  readonly config: AggregatorConfig
  readonly clickhouse: ClickHouseClient
  readonly producer: KafkaProducer
  /** Started in this process; stopped at the end of the test at the latest. */
  startAggregator(faults?: Faults): Promise<AggregatorService>
  putEventType(name: string, body: object, version?: number): Promise<void>
  putMeter(name: string, body: object, version?: number): Promise<void>
  putReplay(name: string, body: object): Promise<void>
  /** One message per partition, as ingest packs them. */
  publish(events: readonly Event[]): Promise<void>
  /** One message to a partition, whatever the events' names ask for. */
  publishTo(partition: number, events: readonly Event[]): Promise<void>
  /** A message's bytes as they are. */
  publishBytes(partition: number, value: Buffer): Promise<void>
  /** Topic's name with the test's prefix. */
  topic(name: string): string
  rows<Row>(query: string): Promise<Row[]>
  /** The first row as tab-separated text. */
  value(query: string): Promise<string>
  /** Rows of `events` once all readings of meter `visits` are rolled up: the days are written last. */
  landed(): Promise<number>
}

const partitions = 2
export const rootKey = 'aggregator-tests-root-key-0123456789'

function required(name: string): string {
  const value = process.env[name]
  if (value === undefined || value === '') {
    throw new Error(`${name} is not set: run with "node scripts/run-tests.ts integration"`)
  }
  return value
}

export async function createMeshFixture(
  t: Test,
  overrides: Readonly<Record<string, string>> = {},
): Promise<MeshFixture> {
  const name = `t-${randomBytes(5).toString('hex')}`
  const environment = {
    LOG_LEVEL: process.env.LOG_LEVEL ?? 'fatal',
    KAFKA_BROKERS: required('KAFKA_BROKERS'),
    CLICKHOUSE_URL: required('CLICKHOUSE_URL'),
    KAFKA_TOPIC_PREFIX: `${name}-`,
    KAFKA_REPLICATION_FACTOR: '1',
    KAFKA_MIN_INSYNC_REPLICAS: '1',
    KAFKA_EVENTS_PARTITIONS: String(partitions),
    KAFKA_POSTBACKS_PARTITIONS: String(partitions),
    CLICKHOUSE_DATABASE: name,
    MILLRACE_ROOT_KEY: rootKey,
    GRPC_HOST: '127.0.0.1',
    GRPC_PORT: '0',
    OPERATIONS_HOST: '127.0.0.1',
    OPERATIONS_PORT: '0',
    AGGREGATOR_SESSION_TIMEOUT_MS: '6000',
    AGGREGATOR_INSERT_TIMEOUT_MS: '5000',
    ...overrides,
  }
  const config = readConfig(settings, environment)
  const logger = createLogger('aggregator', config.logLevel)
  await ensureTopics(topics, config, logger)
  const producer = await connectKafkaProducer(
    config,
    { clientId: 'test', deliveryTimeoutMs: 20_000, lingerMs: 1, maxUnconfirmedBytes: 256 * 1024 * 1024 },
    logger,
  )
  const clickhouse = connectClickhouse(config, 'test')
  t.teardown(async () => {
    await producer.stop(5_000)
    await clickhouse.close()
    // A test without an aggregator has no database to connect to.
    const server = connectClickhouse({ ...config, clickhouseDatabase: 'default' }, 'test')
    await server.command({ query: `DROP DATABASE IF EXISTS \`${name}\`` })
    await server.close()
  })
  const topic = (base: string): string => config.kafkaTopicPrefix + base
  let catalogThrough = 0
  const put = async (kind: string, resource: string, body: object, version: number): Promise<void> => {
    const record: CatalogRecord = {
      tenant: 'default',
      kind,
      name: resource,
      version,
      deleted: false,
      json: JSON.stringify(body),
      writtenAtUs: Date.now() * 1_000,
      writtenBy: 'test',
    }
    const value = Buffer.from(CatalogRecord.encode(record).finish())
    const offset = await producer.send({
      topic: topic(catalogTopic.name),
      key: `default/${kind}/${resource}`,
      value,
    })
    catalogThrough = offset + 1
  }
  const rows = async <Row>(query: string): Promise<Row[]> => {
    const result = await clickhouse.query({ query, format: 'JSONEachRow' })
    return await result.json<Row>()
  }
  const value = async (query: string): Promise<string> => {
    const result = await clickhouse.query({ query, format: 'TabSeparated' })
    return (await result.text()).trim()
  }
  const publishBytes = async (partition: number, value: Buffer): Promise<void> => {
    await producer.send({ topic: topic(eventsTopic.name), partition, value })
  }
  const publishTo = (partition: number, events: readonly Event[]): Promise<void> => {
    const records = events.map((value): EventRecord => ({ record: { $case: 'event', value } }))
    return publishBytes(partition, Buffer.from(EventBatch.encode({ records, catalogThrough }).finish()))
  }
  return {
    environment,
    config,
    clickhouse,
    producer,
    topic,
    rows,
    async startAggregator(faults) {
      const service = await createService(config, logger, faults)
      let stopped: Promise<void> | undefined
      const stop = (): Promise<void> => (stopped ??= service.stop())
      t.teardown(stop)
      return { ...service, stop }
    },
    putEventType: (resource, body, version = 1) => put('event-type', resource, body, version),
    putMeter: (resource, body, version = 1) => put('meter', resource, body, version),
    putReplay: (resource, body) => put('replay', resource, body, 1),
    async publish(events) {
      const byPartition = Object.groupBy(events, (event) => eventPartition(event, partitions))
      await Promise.all(
        Object.entries(byPartition).map(([partition, part = []]) => publishTo(Number(partition), part)),
      )
    },
    publishTo,
    publishBytes,
    value,
    async landed() {
      return Number(await value(`SELECT sum(count) FROM meter_days WHERE meter = 'visits'`))
    },
  }
}

/** An event of type visit.recorded with a random id; `changes` on top. */
export function makeEvent(changes: Partial<Event> = {}, data: unknown = { path: '/' }): Event {
  const nowUs = Date.now() * 1_000
  return {
    tenant: 'default',
    source: 'shop',
    id: randomBytes(8).toString('hex'),
    type: 'visit.recorded',
    subject: '',
    occurredAtUs: nowUs,
    receivedAtUs: nowUs,
    dataContentType: 'application/json',
    dataSchema: '',
    data: Buffer.from(JSON.stringify(data)),
    extensions: {},
    traceparent: '',
    application: 'web',
    backfill: false,
    ...changes,
  }
}

/** Waits until the condition holds; an error (ClickHouse is away, a table is not there yet) counts as not yet. */
export async function until(
  what: string,
  holds: () => boolean | Promise<boolean>,
  timeoutMs = 30_000,
): Promise<void> {
  const deadline = Date.now() + timeoutMs
  let last: unknown
  while (Date.now() < deadline) {
    try {
      if (await holds()) return
      last = undefined
    } catch (error) {
      last = error
    }
    await sleep(50)
  }
  throw new Error(`did not happen within ${timeoutMs} ms: ${what}`, { cause: last })
}
