import type { CatalogReader } from '@millrace/catalog/catalog-reader'
import type { FindEndpoint } from './resolve-target.ts'

/** Endpoints as the catalog has them. Nothing is delivered before it was read: one that is not known was deleted. */
export function createFindEndpoint(catalog: () => Pick<CatalogReader, 'store'> | undefined): FindEndpoint {
  return (tenant, name) => {
    const store = catalog()?.store
    if (store === undefined) throw new Error('the catalog has not been read yet')
    return (
      store.endpoint(tenant, name) ?? (store.isUnusable(tenant, 'endpoint', name) ? 'unusable' : undefined)
    )
  }
}
