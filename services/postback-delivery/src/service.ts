import { createAuthenticator } from '@millrace/catalog/authenticate-key'
import { type CatalogReader, startCatalogReader } from '@millrace/catalog/catalog-reader'
import { type CatalogWriter, createCatalogWriter } from '@millrace/catalog/catalog-writer'
import { createKeyDirectory } from '@millrace/catalog/key-directory'
import { createSecretBox, secretsKeysOf } from '@millrace/catalog/seal-secret'
import { watchUnusable } from '@millrace/catalog/unusable-metrics'
import { eventsTopic, postbacksTopic } from '@millrace/proto/topics'
import { startGrpcDoor } from '@millrace/service-kit/grpc-server'
import { ensureTopics } from '@millrace/service-kit/kafka-topics'
import { connectTransactionalProducer } from '@millrace/service-kit/kafka-transactional-producer'
import type { Logger } from '@millrace/service-kit/log'
import { createMetrics } from '@millrace/service-kit/metrics'
import { startOperationsDoor } from '@millrace/service-kit/operations-http'
import { createReadiness, type Readiness } from '@millrace/service-kit/readiness'
import { createRequestDurations } from '@millrace/service-kit/request-durations'
import { createSpanRecorder } from '@millrace/service-kit/span-recorder'
import { startBrokerWatch } from '@millrace/service-kit/watch-brokers'
import { createAwaitCatalog } from './await-catalog.ts'
import { type DeliveryConfig, toBreakersConfig } from './config.ts'
import { connectDeliveryConsumer, type DeliveryConsumer } from './consumer.ts'
import { createSender } from './create-sender.ts'
import { createDeliveryFlow, type DeliveryFlow } from './delivery-flow.ts'
import { group, sources, topics } from './delivery-topics.ts'
import { createFindEndpoint } from './find-endpoint.ts'
import { withHolds } from './holds.ts'
import { instanceId, lastingId } from './instance-id.ts'
import { createDeliveryMetrics } from './metrics.ts'
import { createReceiverOpener } from './open-receiver.ts'
import { createOperatorDoor } from './operator-door.ts'
import { readDeliveryState } from './read-state.ts'
import { type Replays, startReplays } from './replays.ts'
import { resolveTarget } from './resolve-target.ts'
import { type SharedState, startSharedState } from './shared-state.ts'
import { createRequestSigner } from './sign-request.ts'
import { type Disabling, startDisabling } from './start-disabling.ts'
import { createSubscriptions, type Subscriptions } from './start-subscriptions.ts'
import { untilDone } from './until-done.ts'
import { watchKafka } from './watch-kafka.ts'
import { watchSecrets } from './watch-secrets.ts'

export interface PostbackDeliveryService {
  readonly grpcPort: number
  readonly operationsPort: number
  readonly readiness: Readiness
  stop(): Promise<void>
}

/** A transaction that a crash left open is aborted after it, unless the same instance comes back before. */
const transactionTimeoutMs = 10_000
/** An attempt, or an operator, waits for a write. */
const catalogWriting = {
  clientId: 'postback-delivery-catalog-writer',
  timeoutMs: 10_000,
  now: () => Date.now() * 1_000,
}

/** Resolves once the doors are open; what is missing then stands in `readiness`. */
export async function createService(
  config: DeliveryConfig,
  logger: Logger,
): Promise<PostbackDeliveryService> {
  const readiness = createReadiness(['kafka'])
  const registry = createMetrics('postback-delivery')
  const durations = createRequestDurations(registry, 'postback-delivery')
  const brokerWatch = startBrokerWatch({ service: 'postback-delivery', registry, readiness, logger })
  const consumers: DeliveryConsumer[] = []
  const spans = createSpanRecorder('postback-delivery', config)
  const partitions = () => consumers.flatMap((consumer) => consumer.partitions())
  const readState = () => readDeliveryState(flow, partitions())
  const metrics = createDeliveryMetrics(registry, {
    inFlight: () => flow.queue.inFlight(),
    waiting: () => readState().waiting,
    unsettled: () => flow.unsettled(),
    receivers: () => flow.queue.depths().receivers,
    longestQueue: () => flow.queue.depths().longest,
    openBreakers: () => shared?.breakers.open() ?? 0,
  })
  let catalog: CatalogReader | undefined
  /** One for all: a second one would fence it. */
  let catalogWriter: CatalogWriter | undefined
  watchUnusable(registry, 'postback_delivery', () => catalog?.store)
  let shared: SharedState | undefined
  let replays: Replays | undefined
  let subscriptions: Subscriptions | undefined
  let disabling: Disabling | undefined
  let homes = 1
  const box = createSecretBox(secretsKeysOf(config))
  const findEndpoint = createFindEndpoint(() => catalog)
  const awaitCatalog = createAwaitCatalog(
    () => catalog,
    logger,
    () => shared?.reader,
  )
  const flow: DeliveryFlow = createDeliveryFlow(
    {
      sender: createSender(config),
      openReceiver: createReceiverOpener(box),
      watchEndpoint: async (seen) => await disabling?.watch(seen),
      awaitCatalog,
      resolve: (delivery) =>
        withHolds(resolveTarget(delivery, findEndpoint, config), delivery, operator.holds()?.find),
      sign: createRequestSigner(box),
      shared: () => shared,
      homes: () => homes,
      connectProducer: () => connectTransactionalProducer(config, producerOptions(config), logger),
      onSettled: () => {
        for (const consumer of consumers) consumer.wake()
      },
      onState: (missing) => readiness.set('outcomes', missing),
      logger,
      metrics,
      spans,
      now: Date.now,
      random: Math.random,
    },
    config,
  )
  const operations = await startOperationsDoor({ metrics: registry, readiness }, config)
  const authenticator = createAuthenticator(
    config.rootKey,
    createKeyDirectory(() => catalog?.store),
  )
  const operator = createOperatorDoor({
    authenticator,
    readState,
    catalog: () => catalog,
    writeCatalog: () => catalogWriter?.write,
    shared: () => shared,
    depthOf: (queueKey) => flow.queue.depthOf(queueKey),
    logger,
    now: Date.now,
  })
  const grpc = await startGrpcDoor({ readiness, logger, durations }, config, [operator.service])

  const stopping = new AbortController()
  const consumerDeps = {
    onRecord: flow.take,
    onUndecodable: flow.skip,
    relieve: flow.queue.relieve,
    isHeldUp: flow.queue.isHeldUp,
    drain: flow.drain,
    logger,
    now: Date.now,
  }
  const connectAll = async (): Promise<void> => {
    const partitionsOf = await ensureTopics(topics, config, logger)
    homes = partitionsOf.get(postbacksTopic.name) ?? 1
    if (catalog === undefined) {
      catalog = await startCatalogReader(config, logger, 'postback-delivery')
      watchSecrets({ catalog: catalog.store, box, readiness, registry, logger })
    }
    catalogWriter ??= createCatalogWriter({ reader: catalog, config, logger }, catalogWriting)
    shared ??= await startSharedState(
      {
        logger,
        partitions: () => partitions().length,
        onBreaker: flow.queue.recheck,
        onTransition: (to) => metrics.breakerTransitions.inc({ to }),
        hasEndpoint: (tenant, name) => findEndpoint(tenant, name) !== undefined,
        now: Date.now,
        random: Math.random,
      },
      { ...config, ...toBreakersConfig(config) },
      instanceId(config),
    )
    disabling ??= startDisabling(
      {
        catalog,
        writeCatalog: catalogWriter.write,
        failingSinceMs: (queueKey) => shared?.breakers.view(queueKey).failingSinceMs ?? 0,
        eventPartitions: () => partitionsOf.get(eventsTopic.name) ?? 1,
        registry,
        logger,
      },
      config,
    )
    await flow.prepare()
    for (const source of sources.slice(consumers.length)) {
      // Each has a share of its own, so that a flood of new deliveries does not keep retries from being read.
      const limits = {
        maxRecords: config.maxWaiting,
        maxBytes: config.maxWaitingBytes,
        instance: lastingId(config),
      }
      consumers.push(await connectDeliveryConsumer(consumerDeps, config, { ...source, ...limits }))
    }
    replays ??= await startReplays(
      {
        catalog,
        state: shared.reader,
        onRedriven: (count) => metrics.redriven.inc(count),
        logger,
        now: Date.now,
      },
      {
        ...config,
        instance: instanceId(config),
        partitions: (topic) => partitionsOf.get(topic) ?? 1,
      },
    )
    subscriptions ??= createSubscriptions(
      { catalog, awaitCatalog, readiness, registry, logger },
      config,
      instanceId(config),
    )
    await subscriptions.start()
  }
  const run = async (): Promise<void> => {
    await untilDone(connectAll, stopping.signal, (reason) => readiness.set('kafka', reason))
    const [first] = consumers
    if (first === undefined) return
    await watchKafka(
      { consumer: first.consumer, readiness },
      config.kafkaTopicPrefix + postbacksTopic.name,
      stopping.signal,
    )
  }
  const running = run()
  return {
    grpcPort: grpc.port,
    operationsPort: operations.port,
    readiness,
    async stop() {
      stopping.abort()
      readiness.set('service', 'stopping')
      await brokerWatch.stop()
      await running
      await Promise.all([subscriptions?.stop(), replays?.stop()])
      await Promise.all(consumers.map((consumer) => consumer.stopReading()))
      await flow.stop(config.shutdownTimeoutMs * 0.6)
      await Promise.all(consumers.map((consumer) => consumer.stop()))
      await Promise.all([shared?.stop(), disabling?.stop()])
      await catalogWriter?.stop()
      await Promise.all([grpc.stop(1_000), operations.stop(), catalog?.stop(), spans.stop()])
    },
  }
}

function producerOptions(config: DeliveryConfig) {
  return {
    clientId: group,
    transactionalId: `${group}-${instanceId(config)}`,
    timeoutMs: transactionTimeoutMs,
    reports: false,
  }
}
