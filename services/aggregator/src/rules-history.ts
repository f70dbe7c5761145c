import type { CatalogReader } from '@millrace/catalog/catalog-reader'
import { readCatalogThrough } from '@millrace/catalog/read-catalog-through'
import type { KafkaConfig } from '@millrace/service-kit/kafka-client'
import type { Logger } from '@millrace/service-kit/log'
import type { AggregatorMetrics } from './metrics.ts'
import type { LaneDeps } from './partition-lane.ts'
import { createTypeRulesSource, type TypeRulesSource } from './type-rules.ts'

interface Deps {
  readonly catalog: Pick<CatalogReader, 'position' | 'readToEnd'>
  readonly rulesOf: TypeRulesSource['rulesOf']
  readonly metrics: Pick<AggregatorMetrics, 'catalogsMissing'>
  readonly logger: Logger
}

const timeoutMs = 10_000

/**
 * A range that a former owner may have inserted has to make the same block again, so it is judged by the catalog that
 * stands beside it. Of a catalog that was made anew and is shorter, only the newest rules are known.
 */
export function createRulesHistory(
  { catalog, rulesOf, metrics, logger }: Deps,
  config: KafkaConfig,
): LaneDeps['rulesAsOf'] {
  return async (offset) => {
    await catalog.readToEnd()
    const end = catalog.position()
    if (offset === end) return rulesOf
    if (offset > end) {
      metrics.catalogsMissing.inc()
      logger.error({ offset, end }, 'the catalog ends before the one that a pending range was judged by')
      return rulesOf
    }
    const store = await readCatalogThrough(config, logger, { service: 'aggregator', offset, timeoutMs })
    return createTypeRulesSource(store).rulesOf
  }
}
