import { maskCredentials } from './endpoint-credentials.ts'
import type { StoredEndpoint } from './endpoint-resource.ts'
import { shownPublicKey } from './endpoint-signature.ts'
import type { ResourceKind } from './resources.ts'

/** A resource's body without what no API shows: signing secrets, credentials and hashes of keys. */
export function withoutSecrets(kind: ResourceKind, body: object): object {
  if (kind === 'endpoint') {
    const { secrets: _, credentials: __, disabled, ...shown } = body as Partial<StoredEndpoint>
    return {
      ...shown,
      ...(disabled && { disabled: { at: disabled.at, reason: disabled.reason } }),
      ...maskCredentials(body as StoredEndpoint),
      ...shownPublicKey(body as StoredEndpoint),
    }
  }
  if (kind === 'key') {
    const { hash: _, ...shown } = body as { hash?: unknown }
    return shown
  }
  return body
}

/** A resource as the APIs show it. Keys and replays are named by ids that we gave; a tenant's settings have no name. */
export function showResource(
  kind: ResourceKind,
  resource: {
    readonly name: string
    readonly version: number
    readonly body: unknown
    readonly updatedAt: string
    readonly updatedBy: string
  },
): object {
  const { name, version, body, updatedAt, updatedBy } = resource
  return {
    ...(kind === 'key' || kind === 'replay' ? { id: name } : kind !== 'settings' && { name }),
    ...withoutSecrets(kind, body as object),
    version,
    updatedAt,
    updatedBy,
  }
}
