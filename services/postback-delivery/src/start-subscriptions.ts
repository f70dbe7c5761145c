import type { CatalogReader } from '@millrace/catalog/catalog-reader'
import type { KafkaConfig } from '@millrace/service-kit/kafka-client'
import { connectTransactionalProducer } from '@millrace/service-kit/kafka-transactional-producer'
import type { Logger } from '@millrace/service-kit/log'
import type { Registry } from '@millrace/service-kit/metrics'
import type { Readiness } from '@millrace/service-kit/readiness'
import type { AwaitCatalog } from './await-catalog.ts'
import {
  type SubscriptionConsumer,
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

/** @param instance the same after a restart: what the last one left open is settled then */
export async function startSubscriptions(
  { catalog, awaitCatalog, readiness, registry, logger }: SubscriptionsDeps,
  config: KafkaConfig,
  instance: string,
): Promise<SubscriptionConsumer> {
  let consumer: SubscriptionConsumer | undefined
  const producerOptions = {
    clientId: subscriptionsGroup,
    transactionalId: `${subscriptionsGroup}-${instance}`,
    timeoutMs: transactionTimeoutMs,
  }
  consumer = await startSubscriptionConsumer(
    {
      awaitCatalog,
      catalogPosition: catalog.position,
      async hasEndpoints() {
        await catalog.readToEnd()
        return catalog.store.all('endpoint').length > 0
      },
      index: createSubscriptionIndex(catalog.store),
      rulesOf: createTypeValidity(catalog.store),
      connectProducer: () => connectTransactionalProducer(config, producerOptions, logger),
      onState: (missing) => readiness.set('subscriptions', missing),
      metrics: createSubscriptionMetrics(registry, () => consumer?.lag() ?? []),
      logger,
      now: Date.now,
    },
    config,
  )
  return consumer
}
