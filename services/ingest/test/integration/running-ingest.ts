import { randomUUID } from 'node:crypto'
import { setTimeout as delay } from 'node:timers/promises'
import { type Event, EventBatch } from '@millrace/proto'
import { eventsTopic } from '@millrace/proto/topics'
import { undocumentedAnswer } from '@millrace/scripts/documented-answers'
import { readConfig } from '@millrace/service-kit/config'
import type { OpenApiDocument } from '@millrace/service-kit/docs/openapi-document'
import { connectKafkaConsumer, type Message } from '@millrace/service-kit/kafka-consumer'
import { createLogger } from '@millrace/service-kit/log'
import type { Test } from 'tap'
import { type IngestConfig, settings } from '../../src/config.ts'
import { createService, type IngestService } from '../../src/service.ts'

const rootKey = 'root-key-of-the-tests'
export const authorization = `Bearer ${rootKey}`
export const partitions = 2

const logger = createLogger('ingest', 'silent')

/** Settings of a mesh of its own; another instance of it gets the same `prefix`. */
export function freshConfig(
  environment: NodeJS.ProcessEnv = {},
  brokers = process.env.KAFKA_BROKERS,
): IngestConfig {
  if (!brokers) throw new Error('KAFKA_BROKERS is not set: run this through scripts/run-tests.ts integration')
  return readConfig(settings, {
    KAFKA_BROKERS: brokers,
    KAFKA_TOPIC_PREFIX: `t-${randomUUID()}-`,
    KAFKA_REPLICATION_FACTOR: '1',
    KAFKA_MIN_INSYNC_REPLICAS: '1',
    KAFKA_EVENTS_PARTITIONS: String(partitions),
    KAFKA_POSTBACKS_PARTITIONS: String(partitions),
    MILLRACE_ROOT_KEY: rootKey,
    HTTP_HOST: '127.0.0.1',
    HTTP_PORT: '0',
    GRPC_HOST: '127.0.0.1',
    GRPC_PORT: '0',
    OPERATIONS_HOST: '127.0.0.1',
    OPERATIONS_PORT: '0',
    ...environment,
  })
}

export interface RunningIngest {
  readonly config: IngestConfig
  readonly service: IngestService
  post(body: unknown, path?: string, contentType?: string): Promise<Response>
  put(path: string, body: unknown, headers?: Record<string, string>): Promise<Response>
  operations(path: string): Promise<Response>
}

/** An instance of the service, not waited for. */
export async function startIngest(t: Test, config: IngestConfig): Promise<RunningIngest> {
  const service = await createService(config, logger)
  let stopped: Promise<void> | undefined
  const stop = (): Promise<void> => (stopped ??= service.stop())
  t.teardown(stop)
  const address = `http://127.0.0.1:${service.httpPort}`
  const document = (await (await fetch(`${address}/openapi.json`)).json()) as OpenApiDocument
  const send = async (method: string, path: string, body: unknown, headers: Record<string, string>) => {
    const response = await fetch(address + path, {
      method,
      headers: { authorization, 'content-type': 'application/json', ...headers },
      body: typeof body === 'string' ? body : JSON.stringify(body),
    })
    const { pathname } = new URL(address + path)
    const undocumented = undocumentedAnswer(document, { method, path: pathname, status: response.status })
    if (undocumented !== undefined) t.fail(undocumented)
    return response
  }
  return {
    config,
    service: { ...service, stop },
    post: (body, path = '/v1/events', contentType = 'application/json') =>
      send('POST', path, body, { 'content-type': contentType }),
    put: (path, body, headers = {}) => send('PUT', path, body, headers),
    operations: (path) => fetch(`http://127.0.0.1:${service.operationsPort}${path}`),
  }
}

export async function untilReady({ service }: RunningIngest): Promise<void> {
  await until(() => service.readiness.isReady(), 'the service is ready')
}

/** Waits for a condition; the test's own time-out ends it. */
export async function until(
  condition: () => boolean | Promise<boolean>,
  what: string,
  timeoutMs = 25_000,
): Promise<void> {
  const end = Date.now() + timeoutMs
  while (!(await condition())) {
    if (Date.now() > end) throw new Error(`gave up waiting: ${what}`)
    await delay(20)
  }
}

/** Everything that a topic holds now, by partition. */
export async function readTopic(
  config: IngestConfig,
  name: string,
  count = partitions,
): Promise<Message[][]> {
  const topic = config.kafkaTopicPrefix + name
  const consumer = await connectKafkaConsumer(config, { clientId: 'test', groupId: 'test' }, logger)
  try {
    const list = Array.from({ length: count }, (_, partition) => partition)
    const found: Message[][] = list.map(() => [])
    // The end is told by its own event: behind the last message there may be a transaction's control record.
    const reached = new Map<number, number>()
    consumer.onEnd(({ partition, offset }) => reached.set(partition, offset))
    const ends = await Promise.all(list.map((partition) => consumer.watermarks(topic, partition, 5_000)))
    consumer.assign(list.map((partition) => ({ topic, partition, offset: 0 })))
    const isComplete = (): boolean =>
      list.every((partition) => (reached.get(partition) ?? -1) >= (ends[partition]?.high ?? 0))
    while (!isComplete()) {
      for (const message of await consumer.consume(500, 100)) found[message.partition]?.push(message)
    }
    return found
  } finally {
    await consumer.stop()
  }
}

export async function readBatches(config: IngestConfig): Promise<EventBatch[][]> {
  const messages = await readTopic(config, eventsTopic.name)
  return messages.map((list) => list.map(({ value }) => EventBatch.decode(value ?? Buffer.alloc(0))))
}

/** The events of each partition in their order. */
export async function readEvents(config: IngestConfig): Promise<Event[][]> {
  const batches = await readBatches(config)
  return batches.map((list) =>
    list.flatMap(({ records }) =>
      records.flatMap(({ record }) => (record?.$case === 'event' ? [record.value] : [])),
    ),
  )
}
