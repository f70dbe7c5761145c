import type { CatalogReader } from '@millrace/catalog/catalog-reader'
import type { KafkaConfig } from '@millrace/service-kit/kafka-client'
import { connectTransactionalProducer } from '@millrace/service-kit/kafka-transactional-producer'
import type { Logger } from '@millrace/service-kit/log'
import type { Registry } from '@millrace/service-kit/metrics'
import type { Readiness } from '@millrace/service-kit/readiness'
import type { AwaitCatalog } from './await-catalog.ts'
import {
  type SubscriptionConsumer,
  type SubscriptionConsumerDeps,
  startSubscriptionConsumer,
  subscriptionsGroup,
} from './subscription-consumer.ts'
import { createSubscriptionIndex } from './subscription-index.ts'
import { createSubscriptionMetrics } from './subscription-metrics.ts'
import { createTypeValidity } from './type-validity.ts'

export interface SubscriptionsDeps {
  /** Has been read to its end. */
  readonly catalog: CatalogReader
  readonly awaitCatalog: AwaitCatalog
  readonly readiness: Pick<Readiness, 'set'>
  readonly registry: Registry
  readonly logger: Logger
}

const transactionTimeoutMs = 10_000

/** Hands events out to the endpoints that subscribe to them. */
export interface Subscriptions {
  /** Rejects when no broker answers: it can be called again then. */
  start(): Promise<void>
  stop(): Promise<void>
}

/** @param instance the same after a restart: what the last one left open is settled then */
export function createSubscriptions(
  { catalog, awaitCatalog, readiness, registry, logger }: SubscriptionsDeps,
  config: KafkaConfig,
  instance: string,
): Subscriptions {
  let consumer: SubscriptionConsumer | undefined
  const producerOptions = {
    clientId: subscriptionsGroup,
    transactionalId: `${subscriptionsGroup}-${instance}`,
    timeoutMs: transactionTimeoutMs,
  }
  const deps: SubscriptionConsumerDeps = {
    awaitCatalog,
    catalogPosition: catalog.position,
    async hasEndpoints() {
      await catalog.readToEnd()
      return catalog.store.all('endpoint').length > 0
    },
    // Once, however often starting fails: a registry takes a name once, and an index listens for good.
    index: createSubscriptionIndex(catalog.store),
    rulesOf: createTypeValidity(catalog.store),
    connectProducer: () => connectTransactionalProducer(config, producerOptions, logger),
    onState: (missing) => readiness.set('subscriptions', missing),
    metrics: createSubscriptionMetrics(registry, () => consumer?.lag() ?? []),
    logger,
    now: Date.now,
  }
  return {
    async start() {
      consumer ??= await startSubscriptionConsumer(deps, config)
    },
    async stop() {
      await consumer?.stop()
    },
  }
}
