import type { CatalogWriter } from '@millrace/catalog/catalog-writer'
import type { StoredEndpoint } from '@millrace/catalog/endpoint-resource'
import { ServiceError } from '@millrace/service-kit/errors'
import type { Logger } from '@millrace/service-kit/log'
import { formatTimestamp } from '@millrace/service-kit/timestamp'
import type { EndpointName } from './tell-disabled.ts'

/** An endpoint as an attempt found it. */
export interface EndpointVersion extends EndpointName {
  readonly version: number
}

/**
 * Writes an endpoint down as disabled, unless somebody has changed it since, and has it told. Never rejects: the next
 * attempt shows it again.
 */
export type DisableEndpoint = (endpoint: EndpointVersion, reason: string) => Promise<void>

export interface DisableEndpointDeps {
  readonly write: CatalogWriter['write']
  /** Of an endpoint that has just been written down as disabled. */
  readonly onDisabled: (endpoint: EndpointName) => void
  readonly logger: Logger
  /** Milliseconds since 1970. */
  readonly now: () => number
}

/** Who the catalog says has written it. */
export const writtenBy = 'millrace'

export function createEndpointDisabler(deps: DisableEndpointDeps): DisableEndpoint {
  const underWay = new Map<string, Promise<void>>()
  const disable: DisableEndpoint = async ({ tenant, name, version }, reason) => {
    const disabled = { at: formatTimestamp(deps.now() * 1_000), reason }
    try {
      await deps.write({
        ...{ tenant, kind: 'endpoint', name, application: writtenBy, body: undefined, ifMatch: [version] },
        change: (existing) => ({ ...(existing as StoredEndpoint), enabled: false, disabled }),
      })
      deps.logger.warn({ tenant, endpoint: name, reason }, 'endpoint disabled')
      deps.onDisabled({ tenant, name })
    } catch (error) {
      // Changed, disabled or deleted by somebody else.
      if (error instanceof ServiceError && error.code === 'precondition-failed') return
      deps.logger.error({ tenant, endpoint: name, err: error }, 'endpoint cannot be disabled')
    }
  }
  return (endpoint, reason) => {
    const key = JSON.stringify([endpoint.tenant, endpoint.name, endpoint.version])
    const known = underWay.get(key)
    if (known !== undefined) return known
    const disabling = disable(endpoint, reason).finally(() => underWay.delete(key))
    underWay.set(key, disabling)
    return disabling
  }
}
