import type { CatalogStore } from '@millrace/catalog/catalog-store'
import type { StoredEndpoint } from '@millrace/catalog/endpoint-resource'
import type { SecretBox } from '@millrace/catalog/seal-secret'
import type { Logger } from '@millrace/service-kit/log'
import { Gauge, type Registry } from '@millrace/service-kit/metrics'
import type { Readiness } from '@millrace/service-kit/readiness'

export interface SecretsWatchDeps {
  readonly catalog: Pick<CatalogStore, 'all' | 'endpoint' | 'onChange'>
  readonly box: Pick<SecretBox, 'keyOf'>
  readonly readiness: Pick<Readiness, 'set'>
  readonly registry: Registry
  readonly logger: Logger
}

const maxNamed = 5

/**
 * Tells, before the first delivery fails, that enabled endpoints' secrets are sealed with a key that is not here: it was
 * lost, or this instance was given another one.
 */
export function watchSecrets({ catalog, box, readiness, registry, logger }: SecretsWatchDeps): void {
  const closed = new Set<string>()
  const look = (tenant: string, name: string): void => {
    const key = `${tenant}/${name}`
    if (isClosed(catalog.endpoint(tenant, name)?.body, box)) closed.add(key)
    else closed.delete(key)
  }
  const tell = (): void => {
    const named = [...closed].slice(0, maxNamed).join(', ')
    readiness.set(
      'signing',
      closed.size === 0
        ? undefined
        : `the signing secrets of ${closed.size} endpoints (${named}) are sealed with another key than those of MILLRACE_SECRETS_KEY`,
    )
    if (closed.size > 0) logger.error({ endpoints: closed.size, named }, 'signing secrets cannot be opened')
  }
  for (const { tenant, name } of catalog.all('endpoint')) look(tenant, name)
  tell()
  catalog.onChange(({ kind, tenant, name }) => {
    if (kind !== 'endpoint') return
    const before = closed.size
    look(tenant, name)
    if (closed.size !== before) tell()
  })
  new Gauge({
    name: 'millrace_postback_delivery_unopenable_endpoints',
    help: 'enabled endpoints whose signing secret is sealed with a key that is not here',
    registers: [registry],
    collect() {
      this.set(closed.size)
    },
  })
}

function isClosed(endpoint: StoredEndpoint | undefined, box: Pick<SecretBox, 'keyOf'>): boolean {
  if (endpoint === undefined || endpoint.enabled === false) return false
  const [newest] = endpoint.secrets
  return newest !== undefined && box.keyOf(newest.sealed) === 'unknown'
}
