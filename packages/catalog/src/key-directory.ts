import { ServiceError } from '@millrace/service-kit/errors'
import type { Principal } from './authenticate-key.ts'
import type { CatalogStore } from './catalog-store.ts'
import { normalizeConstraints } from './key-constraints.ts'
import type { Key } from './key-resource.ts'
import { hashKey } from './key-text.ts'
import type { CatalogEntry } from './resources.ts'

/** The issued keys, as they stand in the catalog at any moment. */
export interface KeyDirectory {
  /** The principal of an authorization that `find` has accepted before and that is still good. */
  recall(authorization: string): Principal | undefined
  /**
   * @param key the key's text; the principal is kept under `authorization` for `recall`
   * @throws {ServiceError} `unavailable` while the catalog has not been read yet
   */
  find(key: string, authorization: string): Principal | undefined
  /** Tenant of the key with this id, an expired one too. */
  tenantOf(id: string): string | undefined
}

/** Authorizations that are kept: keys in use at one instance, several times over. */
const maxRecalled = 10_000

interface Issued {
  readonly principal: Principal
  /** Milliseconds since 1970; undefined when it does not expire. */
  readonly expiresAtMs: number | undefined
}

/**
 * @param store undefined until the catalog was read to its end
 * @param nowMs milliseconds since 1970: a key expires by the clock, not by a record
 */
export function createKeyDirectory(
  store: () => CatalogStore | undefined,
  nowMs: () => number = Date.now,
): KeyDirectory {
  let watched: CatalogStore | undefined
  let byHash = new Map<string, Issued>()
  // A text is found by V8's seeded hash of it and compared with equals only: its time tells nothing of other keys.
  const recalled = new Map<string, Issued>()
  const reload = (current: CatalogStore): void => {
    byHash = new Map((current.all('key') as readonly CatalogEntry<Key>[]).map(toIssued))
    recalled.clear()
  }
  const load = (): CatalogStore => {
    const current = store()
    if (current === undefined) {
      throw new ServiceError('unavailable', 'Keys are still being read. Try again shortly.')
    }
    if (current === watched) return current
    watched = current
    current.onChange((record) => {
      if (record.kind === 'key' && watched === current) reload(current)
    })
    reload(current)
    return current
  }
  const isGood = ({ expiresAtMs }: Issued): boolean => expiresAtMs === undefined || nowMs() < expiresAtMs
  return {
    recall(authorization) {
      const issued = recalled.get(authorization)
      return issued !== undefined && isGood(issued) ? issued.principal : undefined
    },
    find(key, authorization) {
      load()
      const issued = byHash.get(hashKey(key))
      if (issued === undefined || !isGood(issued)) return undefined
      if (recalled.size >= maxRecalled) recalled.clear()
      recalled.set(authorization, issued)
      return issued.principal
    },
    tenantOf: (id) =>
      load()
        .all('key')
        .find(({ name }) => name === id)?.tenant,
  }
}

function toIssued({ tenant, name, body }: CatalogEntry<Key>): [hash: string, issued: Issued] {
  const constraints = normalizeConstraints(body.constraints)
  const principal: Principal = {
    tenant,
    application: body.application,
    scopes: new Set(body.scopes),
    keyId: name,
    ...(constraints !== undefined && { constraints }),
    ...(body.rateLimit !== undefined && { rateLimit: body.rateLimit }),
  }
  const expiresAtMs = body.expiresAt === null ? undefined : Date.parse(body.expiresAt)
  return [body.hash, { principal, expiresAtMs }]
}
