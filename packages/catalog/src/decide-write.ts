import { isDeepStrictEqual } from 'node:util'
import type { CatalogRecord } from '@millrace/proto'
import { ServiceError } from '@millrace/service-kit/errors'
import { formatTimestamp } from '@millrace/service-kit/timestamp'
import type { CatalogStore } from './catalog-store.ts'
import type { KeyConstraints } from './key-constraints.ts'
import type { ResourceKind } from './resources.ts'
import { withoutSecrets } from './show-resource.ts'

/** What a caller wants to become of a resource. */
export interface CatalogWrite {
  readonly tenant: string
  readonly kind: ResourceKind
  readonly name: string
  /** The resource as it shall be, checked; undefined deletes it. */
  readonly body: object | undefined
  /**
   * Instead of `body`, where the resource depends on what it is now (undefined when there is none). May be called
   * several times, and throws a ServiceError to refuse.
   */
  readonly change?: (existing: object | undefined) => object
  /** Throws a ServiceError to refuse, by what the resource is now. May be called several times. */
  readonly check?: (existing: object) => void
  /** Application of the key that writes. */
  readonly application: string
  /** What that key is constrained to. */
  readonly constraints?: KeyConstraints
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
  /** Application of the key that wrote it last. */
  readonly updatedBy: string
  readonly created: boolean
}

export interface Decision {
  /** What to write; undefined when the resource is already as it shall be. */
  readonly record: CatalogRecord | undefined
  readonly result: WrittenResource
}

/** What one tenant may have of each kind that can be deleted again: every service holds all of it in memory. */
const maxOfKind = 10_000

/**
 * What a write comes to, given the catalog as it is. Putting what is there already writes nothing: a version stands
 * for a change, and a meter's figures belong to its version.
 * @throws {ServiceError} `precondition-failed`, `not-found`, `conflict`, and what `change` throws
 */
export function decideWrite(store: CatalogStore, write: CatalogWrite, nowUs: number): Decision {
  const { tenant, kind, name } = write
  const latest = store.latest(tenant, kind, name)
  const deletes = write.body === undefined && write.change === undefined
  // What cannot be used is as if it were not there, but that it can be deleted.
  const isUsable = !store.isUnusable(tenant, kind, name)
  const stands = latest !== undefined && !latest.deleted && (isUsable || deletes)
  const existing = stands ? latest : undefined
  if (deletes && existing === undefined && write.ifMatch === undefined) {
    throw new ServiceError('not-found', `There is no ${kind} named ${name}.`)
  }
  const before = existing === undefined || !isUsable ? undefined : (JSON.parse(existing.json) as object)
  if (before !== undefined) write.check?.(before)
  else if (!isUsable && write.check !== undefined) {
    throw new ServiceError(
      'forbidden',
      `What the ${kind} ${name} reaches cannot be read, and the key is constrained.`,
    )
  }
  checkPreconditions(write, existing)
  const body = write.change === undefined ? write.body : write.change(before)
  if (existing !== undefined && before !== undefined && isDeepStrictEqual(before, body)) {
    return { record: undefined, result: toResult(existing, before, false) }
  }
  // Replays stay, so that a limit would end them for good.
  if (existing === undefined && kind !== 'replay' && store.count(tenant, kind) >= maxOfKind) {
    throw new ServiceError('conflict', `A tenant has at most ${maxOfKind} of a kind. Delete some first.`)
  }
  // What was deleted keeps nothing that could be used again.
  const shown = body ?? withoutSecrets(kind, before ?? {})
  const record: CatalogRecord = {
    tenant,
    kind,
    name,
    version: (latest?.version ?? 0) + 1,
    deleted: deletes,
    json: JSON.stringify(shown),
    writtenAtUs: nowUs,
    writtenBy: write.application,
  }
  return { record, result: toResult(record, shown, existing === undefined) }
}

function toResult(record: CatalogRecord, body: object, created: boolean): WrittenResource {
  return {
    version: record.version,
    body,
    updatedAt: formatTimestamp(record.writtenAtUs),
    updatedBy: record.writtenBy,
    created,
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
