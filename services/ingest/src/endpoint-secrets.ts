import { randomBytes } from 'node:crypto'
import type { Endpoint, SealedSecret, StoredEndpoint } from '@millrace/catalog/endpoint-resource'
import type { SecretBox } from '@millrace/catalog/seal-secret'
import { ServiceError } from '@millrace/service-kit/errors'
import { formatTimestamp, parseTimestamp } from '@millrace/service-kit/timestamp'

export interface EndpointSecretsDeps {
  readonly box: SecretBox
  /** Microseconds since 1970. */
  readonly now: () => number
}

/** Names an endpoint; its secrets open for it only. */
export interface EndpointName {
  readonly tenant: string
  readonly name: string
}

/** How a write changes what is there, and the secret that it brings when it brings one. */
export interface SecretChange {
  readonly secret: string
  readonly change: (existing: object | undefined) => StoredEndpoint
}

/** How long a secret stays valid after another has taken its place. */
const overlapUs = 24 * 60 * 60 * 1_000_000
/** Each valid secret signs every delivery. */
const maxValid = 5

/** A new endpoint gets the secret; one that exists keeps its own, sealed again when the operator's key has changed. */
export function putEndpoint(
  deps: EndpointSecretsDeps,
  endpoint: Endpoint,
  { tenant, name }: EndpointName,
): SecretChange {
  const { box } = deps
  const context = contextOf(tenant, name)
  const secret = newSecret()
  const first = [{ sealed: box.seal(secret, context), createdAt: formatTimestamp(deps.now()) }]
  // One whose key is gone stays as it is: the endpoint can still be changed, and its secret rotated.
  const reseal = (kept: SealedSecret): SealedSecret =>
    box.keyOf(kept.sealed) === 'former'
      ? { ...kept, sealed: box.seal(box.open(kept.sealed, context), context) }
      : kept
  return {
    secret,
    change(existing) {
      const { secrets } = (existing ?? {}) as Partial<StoredEndpoint>
      return { ...endpoint, secrets: secrets?.map(reseal) ?? first }
    },
  }
}

/** The new secret signs from now on, and so does each former one until its 24 hours have passed. */
export function rotateSecret(deps: EndpointSecretsDeps, { tenant, name }: EndpointName): SecretChange {
  const secret = newSecret()
  const sealed = deps.box.seal(secret, contextOf(tenant, name))
  return {
    secret,
    change(existing) {
      if (existing === undefined) throw new ServiceError('not-found', `There is no endpoint named ${name}.`)
      const nowUs = deps.now()
      const { secrets, ...endpoint } = existing as StoredEndpoint
      const former = secrets
        .map((one) => ({ expiresAt: formatTimestamp(nowUs + overlapUs), ...one }))
        .filter(({ expiresAt }) => (parseTimestamp(expiresAt) ?? 0) > nowUs)
      if (former.length >= maxValid) throw rotatedTooOften(former.at(-1)?.expiresAt)
      return { ...endpoint, secrets: [{ sealed, createdAt: formatTimestamp(nowUs) }, ...former] }
    },
  }
}

function contextOf(tenant: string, name: string): string {
  return `${tenant}/endpoint/${name}`
}

function newSecret(): string {
  return `whsec_${randomBytes(24).toString('base64')}`
}

function rotatedTooOften(expiresAt: string | undefined): ServiceError {
  return new ServiceError(
    'conflict',
    `The endpoint has ${maxValid} valid secrets, since each stays valid for 24 hours. Rotate again after ${expiresAt}.`,
  )
}
