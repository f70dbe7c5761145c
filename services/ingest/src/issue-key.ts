import type { Principal } from '@millrace/catalog/authenticate-key'
import { checkIssuer, checkKeyRequest } from '@millrace/catalog/check-key'
import type { WrittenResource } from '@millrace/catalog/decide-write'
import type { Key, KeyRequest } from '@millrace/catalog/key-resource'
import { hashKey, type NewKey } from '@millrace/catalog/key-text'
import { type Fault, ServiceError } from '@millrace/service-kit/errors'
import { formatTimestamp, parseTimestamp } from '@millrace/service-kit/timestamp'
import type { WriteCatalog } from './http-catalog.ts'

export interface IssueKeyDeps {
  readonly writeCatalog: WriteCatalog
  readonly newKey: () => NewKey
  /** Microseconds since 1970. */
  readonly now: () => number
}

export interface IssuedKey extends NewKey {
  readonly tenant: string
  readonly written: WrittenResource
}

/**
 * Issues a key. A crash after the write leaves a key that nobody knows the text of: it can be revoked by its id.
 * @throws {ServiceError} `invalid-request`; `forbidden` when it would reach further than its issuer
 */
export async function issueKey(deps: IssueKeyDeps, body: unknown, issuer: Principal): Promise<IssuedKey> {
  const faults = checkKeyRequest(body, deps.now())
  if (faults.length > 0) throw refusal('invalid-request', faults)
  const request = body as KeyRequest
  const beyond = checkIssuer(request, issuer)
  if (beyond.length > 0) throw refusal('forbidden', beyond)
  const key = deps.newKey()
  const tenant = request.tenant ?? issuer.tenant
  const written = await deps.writeCatalog({
    tenant,
    kind: 'key',
    name: key.id,
    body: toStored(request, hashKey(key.text)),
    application: issuer.application,
    ifNoneMatch: true,
  })
  return { ...key, tenant, written }
}

function toStored({ tenant: _, expiresAt, ...request }: KeyRequest, hash: string): Key {
  const expiresAtUs = typeof expiresAt === 'string' ? parseTimestamp(expiresAt) : undefined
  return {
    ...request,
    scopes: [...new Set(request.scopes)],
    expiresAt: expiresAtUs === undefined ? null : formatTimestamp(expiresAtUs),
    hash,
  }
}

function refusal(code: 'invalid-request' | 'forbidden', faults: readonly Fault[]): ServiceError {
  const first = faults.map(({ pointer, detail }) => `${pointer || 'the body'} ${detail}`).slice(0, 3)
  return new ServiceError(code, `No key was issued: ${first.join('; ')}.`, { faults })
}
