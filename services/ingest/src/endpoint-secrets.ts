import { generateKeyPairSync, randomBytes } from 'node:crypto'
import type { Endpoint, StoredEndpoint } from '@millrace/catalog/endpoint-resource'
import {
  type SealedSecret,
  type SealedSigningKey,
  secretContext,
  signingKeyContext,
} from '@millrace/catalog/endpoint-signature'
import type { SecretBox } from '@millrace/catalog/seal-secret'
import { ServiceError } from '@millrace/service-kit/errors'
import { formatTimestamp, parseTimestamp } from '@millrace/service-kit/timestamp'
import { sealCredentials } from './seal-credentials.ts'

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

/**
 * A new endpoint gets the secret; one that exists keeps its own, sealed again when the operator's key has changed. Its
 * credentials are sealed too, or kept (see seal-credentials.ts).
 */
export function putEndpoint(
  deps: EndpointSecretsDeps,
  endpoint: Endpoint,
  { tenant, name }: EndpointName,
): SecretChange {
  const { box } = deps
  const fresh = newSecret(deps, { tenant, name })
  // One whose key is gone stays as it is: the endpoint can still be changed, and its secret rotated.
  const reseal = (sealed: string, context: string): string =>
    box.keyOf(sealed) === 'former' ? box.seal(box.open(sealed, context), context) : sealed
  const keep = (kept: SealedSecret): SealedSecret => ({
    ...kept,
    sealed: reseal(kept.sealed, secretContext(tenant, name)),
    ...(kept.ed25519 && {
      ed25519: {
        ...kept.ed25519,
        sealed: reseal(kept.ed25519.sealed, signingKeyContext(tenant, name)),
      },
    }),
  })
  return {
    secret: fresh.secret,
    change(existing) {
      const { secrets, createdAt, disabled } = (existing ?? {}) as Partial<StoredEndpoint>
      const sealed = sealCredentials(box, endpoint, existing, { tenant, name })
      return {
        ...sealed,
        createdAt: createdAt ?? secrets?.at(-1)?.createdAt ?? formatTimestamp(deps.now()),
        ...(endpoint.enabled === false && disabled && { disabled }),
        secrets: withSigningKey(secrets?.map(keep) ?? [fresh.sealed], endpoint, fresh.signingKey),
      }
    },
  }
}

/** The new secret signs from now on, and so does each former one until its 24 hours have passed. */
export function rotateSecret(deps: EndpointSecretsDeps, endpointName: EndpointName): SecretChange {
  const fresh = newSecret(deps, endpointName)
  return {
    secret: fresh.secret,
    change(existing) {
      if (existing === undefined) {
        throw new ServiceError('not-found', `There is no endpoint named ${endpointName.name}.`)
      }
      const nowUs = deps.now()
      const { secrets, ...endpoint } = existing as StoredEndpoint
      const former = secrets
        .map((one) => ({ expiresAt: formatTimestamp(nowUs + overlapUs), ...one }))
        .filter(({ expiresAt }) => (parseTimestamp(expiresAt) ?? 0) > nowUs)
      if (former.length >= maxValid) throw rotatedTooOften(former.at(-1)?.expiresAt)
      return { ...endpoint, secrets: withSigningKey([fresh.sealed, ...former], endpoint, fresh.signingKey) }
    },
  }
}

interface NewSecret {
  readonly secret: string
  readonly sealed: SealedSecret
  readonly signingKey: () => SealedSigningKey
}

function newSecret({ box, now }: EndpointSecretsDeps, { tenant, name }: EndpointName): NewSecret {
  const secret = `whsec_${randomBytes(24).toString('base64')}`
  let signingKey: SealedSigningKey | undefined
  return {
    secret,
    sealed: { sealed: box.seal(secret, secretContext(tenant, name)), createdAt: formatTimestamp(now()) },
    signingKey() {
      signingKey ??= newSigningKey(box, signingKeyContext(tenant, name))
      return signingKey
    },
  }
}

/** The newest secret has a key of its own as soon as the endpoint is signed with one. */
function withSigningKey(
  secrets: readonly SealedSecret[],
  { signatures }: Endpoint,
  newKey: () => SealedSigningKey,
): readonly SealedSecret[] {
  const [newest, ...former] = secrets
  if (newest === undefined || newest.ed25519 !== undefined || !signatures?.includes('v1a')) return secrets
  return [{ ...newest, ed25519: newKey() }, ...former]
}

function newSigningKey(box: SecretBox, context: string): SealedSigningKey {
  const { privateKey, publicKey } = generateKeyPairSync('ed25519')
  const pkcs8 = privateKey.export({ format: 'der', type: 'pkcs8' }).toString('base64')
  // Its 32 bytes stand at the end of the structure (RFC 8410).
  const raw = publicKey.export({ format: 'der', type: 'spki' }).subarray(-32)
  return { sealed: box.seal(pkcs8, context), publicKey: `whpk_${raw.toString('base64')}` }
}

function rotatedTooOften(expiresAt: string | undefined): ServiceError {
  return new ServiceError(
    'conflict',
    `The endpoint has ${maxValid} valid secrets, since each stays valid for 24 hours. Rotate again after ${expiresAt}.`,
  )
}
