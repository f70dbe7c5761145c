import { type Scope, scopes } from '@millrace/catalog/authenticate-key'
import { type CatalogStore, createCatalogStore } from '@millrace/catalog/catalog-store'
import { hashKey } from '@millrace/catalog/key-text'

const textOf = (tenant: string, scope: Scope): string => `mr_${tenant}_${scope}`

/** The authorization of the key that has this one scope. */
export function keyFor(tenant: string, scope: Scope): string {
  return `Bearer ${textOf(tenant, scope)}`
}

/** A catalog that holds nothing but a key of each tenant for each scope. */
export function storeOfKeys(tenants: readonly string[]): CatalogStore {
  const store = createCatalogStore()
  let offset = 0
  for (const tenant of tenants) {
    for (const scope of scopes) {
      const body = {
        application: 'test',
        scopes: [scope],
        expiresAt: null,
        hash: hashKey(textOf(tenant, scope)),
      }
      store.apply(
        {
          tenant,
          kind: 'key',
          name: `key_${scope}`,
          version: 1,
          deleted: false,
          json: JSON.stringify(body),
          writtenAtUs: 1,
          writtenBy: 'root',
        },
        offset++,
      )
    }
  }
  return store
}
