import { CatalogRecord } from '@millrace/proto'
import { catalogTopic } from '@millrace/proto/topics'
import type { KafkaConfig } from '@millrace/service-kit/kafka-client'
import { startTopicFollower, type TopicFollower } from '@millrace/service-kit/kafka-topic-follower'
import type { Logger } from '@millrace/service-kit/log'
import { type CatalogStore, createCatalogStore } from './catalog-store.ts'

/** Follows millrace.catalog from its beginning. */
export interface CatalogReader extends TopicFollower {
  readonly store: CatalogStore
}

/** Resolves once the end was reached; rejects when no broker answers. */
export async function startCatalogReader(
  config: KafkaConfig,
  logger: Logger,
  service: string,
): Promise<CatalogReader> {
  const store = createCatalogStore(({ tenant, kind, name, version }) =>
    logger.error(
      { part: 'catalog', tenant, kind, name, version },
      'a resource of the catalog cannot be used',
    ),
  )
  const follower = await startTopicFollower(
    config,
    {
      topic: catalogTopic.name,
      clientId: `${service}-catalog`,
      part: 'catalog',
      apply({ value, offset }) {
        if (value !== null) store.apply(CatalogRecord.decode(value), offset)
      },
    },
    logger,
  )
  return { store, ...follower }
}
