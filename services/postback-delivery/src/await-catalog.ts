import { setTimeout as delay } from 'node:timers/promises'
import type { CatalogReader } from '@millrace/catalog/catalog-reader'
import type { Delivery } from '@millrace/proto'
import type { Logger } from '@millrace/service-kit/log'

/**
 * Resolves once the catalog is as new as the delivery's writer had seen it, so that what was sent to an endpoint just
 * created or enabled does not find the one before. Undefined when it is: nearly always. Never rejects.
 */
export type AwaitCatalog = (delivery: Pick<Delivery, 'catalogThrough'>) => Promise<void> | undefined

const retryMs = 500

export function createAwaitCatalog(
  reader: () => Pick<CatalogReader, 'position' | 'readThroughOrToEnd'> | undefined,
  logger: Logger,
): AwaitCatalog {
  const wait = async (offset: number): Promise<void> => {
    for (;;) {
      try {
        const catalog = reader()
        if (catalog !== undefined) return await catalog.readThroughOrToEnd(offset)
      } catch (error) {
        logger.warn({ part: 'catalog', err: error }, 'catalog cannot be read')
      }
      // Nothing that a stop would have to wait for.
      await delay(retryMs, undefined, { ref: false })
    }
  }
  return ({ catalogThrough }) => {
    const position = reader()?.position()
    return position !== undefined && position >= catalogThrough ? undefined : wait(catalogThrough)
  }
}
