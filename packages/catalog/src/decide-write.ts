import { isDeepStrictEqual } from 'node:util'
import type { CatalogRecord } from '@millrace/proto'
import { ServiceError } from '@millrace/service-kit/errors'
import { formatTimestamp } from '@millrace/service-kit/timestamp'
import type { CatalogStore } from './catalog-store.ts'
import type { ResourceKind } from './resources.ts'

/** What a caller wants to become of a resource. */
export interface CatalogWrite {
  readonly tenant: string
  readonly kind: ResourceKind
  readonly name: string
  /** The resource as it shall be, checked; undefined deletes it. */
  readonly body: object | undefined
  /** Application of the key that writes. */
  readonly application: string
  /** If-Match: versions that the resource may have now; '*' asks that there is one. */
  readonly ifMatch?: readonly number[] | '*'
  /** If-None-Match: * — there must be none. */
  readonly ifNoneMatch?: boolean
}

export interface WrittenResource {
  readonly version: number
  readonly body: object
  /** RFC 3339. */
  readonly updatedAt: string
  readonly created: boolean
}

export interface Decision {
  /** What to write; undefined when the resource is already as it shall be. */
  readonly record: CatalogRecord | undefined
  readonly result: WrittenResource
}

/**
 * What a write comes to, given the catalog as it is. Putting what is there already writes nothing: a version stands
 * for a change, and a meter's figures belong to its version.
 * @throws {ServiceError} `precondition-failed`, `not-found`
 */
export function decideWrite(store: CatalogStore, write: CatalogWrite, nowUs: number): Decision {
  const { tenant, kind, name, body } = write
  const latest = store.latest(tenant, kind, name)
  const existing = latest === undefined || latest.deleted ? undefined : latest
  const version = latest?.version ?? 0
  if (body === undefined && existing === undefined && write.ifMatch === undefined) {
    throw new ServiceError('not-found', `There is no ${kind} named ${name}.`)
  }
  checkPreconditions(write, existing)
  const before = existing === undefined ? undefined : (JSON.parse(existing.json) as object)
  if (existing !== undefined && isDeepStrictEqual(before, body)) {
    return {
      record: undefined,
      result: {
        version,
        body: before as object,
        updatedAt: formatTimestamp(existing.writtenAtUs),
        created: false,
      },
    }
  }
  const shown = body ?? before ?? {}
  const record: CatalogRecord = {
    tenant,
    kind,
    name,
    version: version + 1,
    deleted: body === undefined,
    json: JSON.stringify(shown),
    writtenAtUs: nowUs,
    writtenBy: write.application,
  }
  return {
    record,
    result: {
      version: record.version,
      body: shown,
      updatedAt: formatTimestamp(nowUs),
      created: existing === undefined,
    },
  }
}

function checkPreconditions(
  { ifMatch, ifNoneMatch }: CatalogWrite,
  existing: CatalogRecord | undefined,
): void {
  const present = existing === undefined ? 'it does not exist' : `its version is ${existing.version}`
  const matches = existing !== undefined && (ifMatch === '*' || ifMatch?.includes(existing.version) === true)
  if (ifMatch !== undefined && !matches) {
    throw new ServiceError(
      'precondition-failed',
      `The resource is not as If-Match says: ${present}. Read it and decide again.`,
    )
  }
  if (ifNoneMatch === true && existing !== undefined) {
    throw new ServiceError('precondition-failed', `The resource exists already: ${present}.`)
  }
}
