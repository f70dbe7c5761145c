import { createAuthenticator, type KeyReader, type Scope, scopes } from '@millrace/catalog/authenticate-key'
import { createCatalogStore } from '@millrace/catalog/catalog-store'
import { createKeyDirectory } from '@millrace/catalog/key-directory'
import { hashKey } from '@millrace/catalog/key-text'

const textOf = (tenant: string, scope: Scope): string => `mr_${tenant}_${scope}`

/** The authorization of the key that has this one scope. */
export function keyFor(tenant: string, scope: Scope): string {
  return `Bearer ${textOf(tenant, scope)}`
}

/** Knows a key of each tenant for each scope, and a root key that nobody has. */
export function createKeyring(tenants: readonly string[]): KeyReader {
  const store = createCatalogStore()
  for (const tenant of tenants) {
    for (const scope of scopes) {
      const hash = hashKey(textOf(tenant, scope))
      store.apply({
        tenant,
        kind: 'key',
        name: `key_${scope}`,
        version: 1,
        deleted: false,
        json: JSON.stringify({ application: 'test', scopes: [scope], expiresAt: null, hash }),
        writtenAtUs: 1,
        writtenBy: 'root',
      })
    }
  }
  return createAuthenticator(
    'the-root-key-of-nobody',
    createKeyDirectory(() => store),
  )
}
