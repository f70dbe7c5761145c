import { randomUUID } from 'node:crypto'
import { setTimeout as delay } from 'node:timers/promises'
import { createAuthenticator } from '@millrace/catalog/authenticate-key'
import { type CatalogReader, startCatalogReader } from '@millrace/catalog/catalog-reader'
import { type CatalogWriter, createCatalogWriter } from '@millrace/catalog/catalog-writer'
import { createKeyDirectory } from '@millrace/catalog/key-directory'
import { newKey } from '@millrace/catalog/key-text'
import { createKeyUsageBook } from '@millrace/catalog/key-usage'
import { startKeyUsageExchange } from '@millrace/catalog/key-usage-exchange'
import { createSecretBox, secretsKeysOf } from '@millrace/catalog/seal-secret'
import { watchUnusable } from '@millrace/catalog/unusable-metrics'
import { catalogTopic, eventsTopic, postbacksTopic, usageTopic } from '@millrace/proto/topics'
import { startGrpcDoor } from '@millrace/service-kit/grpc-server'
import { startLastingProducer } from '@millrace/service-kit/kafka-lasting-producer'
import { kafkaNotReached } from '@millrace/service-kit/kafka-not-reached'
import { ensureTopics } from '@millrace/service-kit/kafka-topics'
import type { Logger } from '@millrace/service-kit/log'
import { createMetrics } from '@millrace/service-kit/metrics'
import { boundPort, startOperationsDoor } from '@millrace/service-kit/operations-http'
import { createReadiness, type Readiness } from '@millrace/service-kit/readiness'
import { createSpanRecorder } from '@millrace/service-kit/span-recorder'
import { uuidV7 } from '@millrace/service-kit/uuid-v7'
import { startBrokerWatch } from '@millrace/service-kit/watch-brokers'
import { createAcceptCommand } from './accept-command.ts'
import { createAcceptEvents } from './accept-events.ts'
import { createAcceptPlainEvents } from './accept-plain-events.ts'
import { createAcceptPostback } from './accept-postback.ts'
import { createEventCheck, isUnchecked } from './check-event.ts'
import { createClock } from './clock.ts'
import type { IngestConfig } from './config.ts'
import { createEventProducer } from './event-producer.ts'
import { createIngestGrpc } from './grpc.ts'
import { guardSend } from './guard-send.ts'
import { createHttpDoor } from './http.ts'
import { limitCallBytes } from './limit-call-bytes.ts'
import { createIngestMetrics } from './metrics.ts'
import { createRequestBudget } from './request-budget.ts'
import { createStoredOffsetsReader } from './stored-offsets-reader.ts'
import { createStoredWatch } from './stored-watch.ts'
import { createTestEndpoint } from './test-endpoint.ts'

export interface IngestService {
  readonly httpPort: number
  readonly grpcPort: number
  readonly operationsPort: number
  readonly readiness: Readiness
  stop(): Promise<void>
}

/** What Kafka gave once it was reached. */
interface Connected {
  readonly partitions: number
  readonly postbacksPartitions: number | undefined
  readonly reader: CatalogReader
  readonly writer: CatalogWriter
}

/** Opens the doors at once; what needs Kafka answers 503 until it is there. */
export async function createService(config: IngestConfig, logger: Logger): Promise<IngestService> {
  const registry = createMetrics('ingest')
  const readiness = createReadiness(['kafka', 'catalog'])
  readiness.set('kafka', 'no broker has answered yet')
  readiness.set('catalog', 'millrace.catalog has not been read yet')
  const operations = await startOperationsDoor({ metrics: registry, readiness }, config)
  const brokerWatch = startBrokerWatch({ service: 'ingest', registry, readiness, logger })
  const now = createClock()
  const newId = (): string => uuidV7(Date.now())
  const spans = createSpanRecorder('ingest', config)
  // Below the request's deadline, so that a request is answered with what became of its write; the client looks for
  // late messages once a second.
  const deliveryTimeoutMs = Math.max(500, Math.floor(config.requestTimeoutMs * 0.9) - 1_000)
  const producer = startLastingProducer(
    config,
    {
      clientId: 'ingest',
      deliveryTimeoutMs,
      // Events have waited for each other in their packs already; waiting once more costs a tenth of ingest's time.
      lingerMs: 0,
      maxUnconfirmedBytes: 2 * config.maxUnconfirmedBytes,
    },
    logger,
    (missing) => readiness.set('kafka', missing),
  )
  const state: { connected?: Connected; stopping: boolean } = { stopping: false }
  const catalogPosition = () => state.connected?.reader.position() ?? 0
  const connecting = connect(state, config, logger, readiness, now)
  const requestBudget = createRequestBudget(config.maxRequestBytes)
  const metrics = createIngestMetrics(registry, {
    requestBytes: requestBudget.heldBytes,
    unconfirmedBytes: () => producer.unconfirmed().bytes,
    queueMs: () => eventProducer.queueMs(),
  })
  const eventProducer = createEventProducer(
    {
      send: producer.send,
      catalogPosition,
      observe: metrics.message,
      logger,
    },
    {
      topic: config.kafkaTopicPrefix + eventsTopic.name,
      packMs: config.packMs,
      timeoutMs: config.requestTimeoutMs,
      packBytes: config.packBytes,
      maxUnconfirmedBytes: config.maxUnconfirmedBytes,
      maxQueueMs: config.maxQueueMs,
    },
  )
  const catalog = () => state.connected?.reader.store
  watchUnusable(registry, 'ingest', catalog)
  const log = () => state.connected && { producer: eventProducer, partitions: state.connected.partitions }
  const acceptEvents = createAcceptEvents({ log, checkEvent: createEventCheck(catalog) }, config)
  const acceptPlainEvents = createAcceptPlainEvents(
    { log, isUnchecked: (tenant, type) => isUnchecked(catalog(), tenant, type) },
    config,
  )
  const postbackProducer = guardSend(
    {
      send: producer.send,
      unconfirmedBytes: () => producer.unconfirmed().bytes,
      partitions: () => state.connected?.postbacksPartitions,
    },
    config,
  )
  const acceptPostback = createAcceptPostback(
    { ...postbackProducer, newId },
    {
      topic: config.kafkaTopicPrefix + postbacksTopic.name,
      maxEventBytes: config.maxEventBytes,
      maxUnconfirmedBytes: config.maxUnconfirmedBytes,
    },
  )
  const keys = createKeyDirectory(catalog)
  const authenticator = createAuthenticator(config.rootKey, keys)
  const limits = createKeyUsageBook(randomUUID())
  const usageDeps = { book: limits, send: producer.send, logger, service: 'ingest' }
  const usageExchange = connecting.then(() => state.connected && startKeyUsageExchange(usageDeps, config))
  const writeCatalog = async (...args: Parameters<CatalogWriter['write']>) => {
    if (state.connected === undefined) throw kafkaNotReached()
    return state.connected.writer.write(...args)
  }
  const storedOffsets = createStoredOffsetsReader(config, logger)
  const storedWatch = createStoredWatch({
    readNext: storedOffsets.readNext,
    onError: (error) => logger.warn({ err: error }, 'how far events are stored cannot be read'),
    pollMs: storedPollMs,
  })
  const http = await createHttpDoor(
    {
      requestBudget,
      storedWatch,
      authenticator,
      limits,
      newKey,
      tenantOfKey: keys.tenantOf,
      acceptEvents,
      acceptPlainEvents,
      acceptPostback,
      acceptCommand: createAcceptCommand({ log }),
      endpoints: {
        box: createSecretBox(secretsKeysOf(config)),
        now,
        test: createTestEndpoint(
          { ...postbackProducer, catalog, catalogPosition, newId },
          config.kafkaTopicPrefix + postbacksTopic.name,
        ),
      },
      writeCatalog,
      metrics,
      logger,
      now,
      newId,
      spans,
    },
    config,
  )
  await http.listen({ host: config.httpHost, port: config.httpPort })
  const ingestGrpc = createIngestGrpc(
    {
      authenticator,
      limits,
      requestBudget,
      acceptEvents,
      acceptPlainEvents,
      storedWatch,
      metrics,
      logger,
      now,
      newId,
      spans,
    },
    config,
  )
  const grpc = await startGrpcDoor(
    {
      readiness,
      logger,
      durations: metrics.durations,
      interceptors: [limitCallBytes(requestBudget, ingestGrpc.checkKey)],
    },
    // A little more, so that whoever sends a little too much is told of the limit by name.
    { ...config, maxMessageBytes: config.maxBodyBytes + 64 * 1024 },
    [ingestGrpc.service],
  )
  return {
    httpPort: boundPort(http),
    grpcPort: grpc.port,
    operationsPort: operations.port,
    readiness,
    async stop() {
      readiness.set('stopping', 'the process stops')
      state.stopping = true
      await Promise.all([
        brokerWatch.stop(),
        http.close(),
        ingestGrpc.endStreams().then(() => grpc.stop(config.requestTimeoutMs)),
      ])
      await eventProducer.drain()
      await storedOffsets.stop()
      await (await usageExchange)?.stop()
      await state.connected?.writer.stop()
      await producer.stop(deliveryTimeoutMs)
      await state.connected?.reader.stop()
      await spans.stop()
      await operations.stop()
    },
  }
}

const retryMs = 300
/** Well below what a flush of the aggregator takes. */
const storedPollMs = 25

/** Makes the topics and reads the catalog; Kafka may take as long as it likes to come. */
async function connect(
  state: { connected?: Connected; stopping: boolean },
  config: IngestConfig,
  logger: Logger,
  readiness: Readiness,
  now: () => number,
): Promise<void> {
  while (!state.stopping && state.connected === undefined) {
    try {
      const partitions = await ensureTopics(
        [eventsTopic, catalogTopic, postbacksTopic, usageTopic],
        config,
        logger,
      )
      const reader = await startCatalogReader(config, logger, 'ingest')
      const writer = createCatalogWriter(
        { reader, config, logger },
        {
          clientId: 'ingest-catalog-writer',
          timeoutMs: config.requestTimeoutMs,
          now,
        },
      )
      state.connected = {
        partitions: partitions.get(eventsTopic.name) ?? 1,
        postbacksPartitions: partitions.get(postbacksTopic.name),
        reader,
        writer,
      }
      readiness.set('catalog', undefined)
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error)
      readiness.set('catalog', `millrace.catalog cannot be read: ${reason}`)
      logger.warn({ part: 'catalog', reason }, 'kafka is not ready yet')
      await delay(retryMs)
    }
  }
}
