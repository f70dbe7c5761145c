import { randomBytes, randomUUID } from 'node:crypto'
import { once } from 'node:events'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { setTimeout as delay } from 'node:timers/promises'
import { Attempt, Delivery } from '@millrace/proto'
import { deadTopic, deliveriesTopic, postbacksTopic, retryTiers, retryTopic } from '@millrace/proto/topics'
import { readConfig } from '@millrace/service-kit/config'
import { connectKafkaConsumer, type Message } from '@millrace/service-kit/kafka-consumer'
import { connectKafkaProducer } from '@millrace/service-kit/kafka-producer'
import { ensureTopics } from '@millrace/service-kit/kafka-topics'
import { createLogger, type Logger } from '@millrace/service-kit/log'
import { type DeliveryConfig, settings } from '../../src/config.ts'
import { createService, type PostbackDeliveryService } from '../../src/service.ts'
import { makeDelivery } from '../helper.ts'

/** Kafka's error code UNKNOWN_TOPIC_OR_PARTITION. */
const unknownTopic = 3

export const rootKey = 'the-root-key-of-the-tests'

/** Environment of a service of its own: fresh topics, free ports. */
export function freshEnvironment(given: Readonly<Record<string, string>> = {}): Record<string, string> {
  const brokers = process.env.KAFKA_BROKERS
  if (brokers === undefined)
    throw new Error('KAFKA_BROKERS is missing: node scripts/run-tests.ts integration')
  return {
    KAFKA_BROKERS: brokers,
    KAFKA_TOPIC_PREFIX: `t-${randomBytes(6).toString('hex')}-`,
    KAFKA_REPLICATION_FACTOR: '1',
    KAFKA_MIN_INSYNC_REPLICAS: '1',
    KAFKA_POSTBACKS_PARTITIONS: '2',
    MILLRACE_ROOT_KEY: rootKey,
    GRPC_HOST: '127.0.0.1',
    GRPC_PORT: '0',
    OPERATIONS_HOST: '127.0.0.1',
    OPERATIONS_PORT: '0',
    SHUTDOWN_TIMEOUT_MS: '5000',
    POSTBACK_ALLOWED_NETWORKS: '127.0.0.0/8,::1/128',
    LOG_LEVEL: 'silent',
    ...given,
  }
}

export interface Mesh {
  readonly environment: Record<string, string>
  readonly config: DeliveryConfig
  readonly logger: Logger
  /** Writes deliveries to millrace.postbacks, as ingest does. */
  request(deliveries: readonly Delivery[]): Promise<void>
  /** Writes anything there. */
  write(topic: string, value: Buffer): Promise<void>
  /** Committed attempts so far, in the order they were read. */
  readonly attempts: readonly Attempt[]
  readonly dead: readonly Delivery[]
  stop(): Promise<void>
}

/** Fresh topics, a producer in ingest's place and a reader in the aggregator's. */
export async function startMesh(given: Readonly<Record<string, string>> = {}): Promise<Mesh> {
  const environment = freshEnvironment(given)
  const config = readConfig(settings, environment)
  const logger = createLogger('test', config.logLevel)
  await ensureTopics(
    [postbacksTopic, ...retryTiers.map(retryTopic), deadTopic, deliveriesTopic],
    config,
    logger,
  )
  const producer = await connectKafkaProducer(
    config,
    { clientId: 'test', deliveryTimeoutMs: 30_000, lingerMs: 1, maxUnconfirmedBytes: 100_000_000 },
    logger,
  )
  const consumer = await connectKafkaConsumer(
    config,
    { clientId: 'test', groupId: `test-${randomUUID()}`, topics: [deliveriesTopic.name, deadTopic.name] },
    logger,
  )
  const attempts: Attempt[] = []
  const dead: Delivery[] = []
  const nextOffsets = new Map<string, number>()
  /** A member that its group forgets while a broker is away begins again, and commits nothing. */
  const isNew = ({ topic, partition, offset }: Message): boolean => {
    const place = `${topic}:${partition}`
    if (offset < (nextOffsets.get(place) ?? 0)) return false
    nextOffsets.set(place, offset + 1)
    return true
  }
  let reading = true
  const running = (async () => {
    while (reading) {
      // A topic that was made a moment ago is not known to every part of the broker yet.
      const messages = await consumer.consume(1_000, 100).catch((error: { code?: number }) => {
        if (error.code === unknownTopic) return []
        throw error
      })
      for (const { topic, value } of messages.filter(isNew)) {
        if (value === null) continue
        if (topic.endsWith(deliveriesTopic.name)) attempts.push(Attempt.decode(value))
        else dead.push(Delivery.decode(value))
      }
    }
  })()
  const write = async (topic: string, value: Buffer): Promise<void> => {
    await producer.send({ topic: config.kafkaTopicPrefix + topic, key: randomUUID(), value })
  }
  return {
    environment,
    config,
    logger,
    write,
    async request(deliveries) {
      await Promise.all(
        deliveries.map((delivery) =>
          write(postbacksTopic.name, Buffer.from(Delivery.encode(delivery).finish())),
        ),
      )
    },
    attempts,
    dead,
    async stop() {
      reading = false
      await running
      await consumer.stop()
      await producer.stop(1_000)
    },
  }
}

export async function startService(mesh: Mesh, logger = mesh.logger): Promise<PostbackDeliveryService> {
  return await createService(mesh.config, logger)
}

export interface Received {
  readonly method: string
  /** Path and query. */
  readonly url: string
  readonly headers: IncomingMessage['headers']
  readonly body: string
  readonly atMs: number
}

export interface Receiver {
  readonly origin: string
  readonly port: number
  readonly received: readonly Received[]
  /** Connections that were ever made. */
  connections(): number
  stop(): Promise<void>
}

/** A third party. */
export async function startReceiver(
  answer: (request: Received, response: ServerResponse, index: number) => void = (_request, response) => {
    response.end('ok')
  },
): Promise<Receiver> {
  const received: Received[] = []
  let connections = 0
  const server = createServer((request, response) => {
    const chunks: Buffer[] = []
    request.on('data', (chunk: Buffer) => chunks.push(chunk))
    request.on('end', () => {
      const one: Received = {
        method: request.method ?? '',
        url: request.url ?? '',
        headers: request.headers,
        body: Buffer.concat(chunks).toString(),
        atMs: Date.now(),
      }
      received.push(one)
      answer(one, response, received.length - 1)
    })
  })
  server.on('connection', () => {
    connections += 1
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  return {
    origin: `http://127.0.0.1:${port}`,
    port,
    received,
    connections: () => connections,
    async stop() {
      const closed = once(server, 'close')
      server.close()
      server.closeAllConnections()
      await closed
    },
  }
}

/** Waits for the condition; fails with `what` when it does not come about. */
export async function until(
  what: string,
  holds: () => boolean | Promise<boolean>,
  timeoutMs = 30_000,
): Promise<void> {
  const deadline = Date.now() + timeoutMs
  while (!(await holds())) {
    if (Date.now() > deadline) throw new Error(`waited in vain: ${what}`)
    await delay(20)
  }
}

/** Deliveries that POST {"n": i} to a receiver. */
export function numbered(
  count: number,
  origin: string,
  parts: Parameters<typeof makeDelivery>[0] = {},
): Delivery[] {
  return Array.from({ length: count }, (_, n) =>
    makeDelivery({
      ...parts,
      id: randomUUID(),
      request: { url: `${origin}/hook`, ...parts.request },
      data: { n },
      acceptedAtUs: Date.now() * 1_000,
    }),
  )
}
