import type { CatalogReader } from '@millrace/catalog/catalog-reader'
import { readCatalogThrough } from '@millrace/catalog/read-catalog-through'
import type { KafkaConfig } from '@millrace/service-kit/kafka-client'
import type { Logger } from '@millrace/service-kit/log'
import type { AggregatorMetrics } from './metrics.ts'
import type { LaneDeps } from './partition-lane.ts'
import { createTypeRulesSource, type TypeRulesSource } from './type-rules.ts'

interface Deps {
  readonly catalog: Pick<CatalogReader, 'position' | 'readToEnd'>
  readonly metrics: Pick<AggregatorMetrics, 'catalogsMissing'>
  readonly logger: Logger
}

const timeoutMs = 10_000

/**
 * A range that a former owner may have inserted has to make the same block again, so it is judged by the catalog that
 * stands beside it: a copy even when that is the present end, since a meter may be written while the range is read,
 * and its backfill counts the range too. Of a catalog that was made anew and is shorter, only the newest rules are known.
 */
export function createRulesHistory(
  { catalog, metrics, logger }: Deps,
  config: KafkaConfig,
  readThrough = readCatalogThrough,
): LaneDeps['rulesAsOf'] {
  /** By offset: partitions that are taken up together mostly share one. */
  const underWay = new Map<number, Promise<TypeRulesSource['rulesOf']>>()
  const read = async (offset: number): Promise<TypeRulesSource['rulesOf']> => {
    const store = await readThrough(config, logger, { service: 'aggregator', offset, timeoutMs })
    return createTypeRulesSource(store, logger).rulesOf
  }
  return async (offset) => {
    await catalog.readToEnd()
    const end = catalog.position()
    if (offset > end) {
      metrics.catalogsMissing.inc()
      logger.error({ offset, end }, 'the catalog ends before the one that a pending range was judged by')
    }
    const through = Math.min(offset, end)
    const known = underWay.get(through)
    if (known !== undefined) return known
    const rules = read(through).finally(() => underWay.delete(through))
    underWay.set(through, rules)
    return rules
  }
}
