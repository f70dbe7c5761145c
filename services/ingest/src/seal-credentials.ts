import { createPrivateKey, X509Certificate } from 'node:crypto'
import {
  authSecrets,
  credentialContext,
  type EndpointAuth,
  type EndpointTls,
  type SealedCredentials,
  secretMask,
} from '@millrace/catalog/endpoint-credentials'
import type { Endpoint, StoredEndpoint } from '@millrace/catalog/endpoint-resource'
import type { SecretBox } from '@millrace/catalog/seal-secret'
import { refusedWrite } from './refused-write.ts'

type Part = keyof SealedCredentials

/** Seals one secret, or keeps the one that is there. */
type Seal = (part: Part, given: string | undefined, kept: string | undefined) => string | undefined

/**
 * An endpoint with its secrets apart and sealed. A secret that is left out or masked is kept, as long as it goes to
 * where it was given for: whoever may change an endpoint must not get to see it by sending it elsewhere.
 * @throws {ServiceError} `invalid-request` when there is none to keep
 */
export function sealCredentials(
  box: SecretBox,
  endpoint: Endpoint,
  existing: Partial<StoredEndpoint> | undefined,
  { tenant, name }: { readonly tenant: string; readonly name: string },
): Endpoint & { credentials?: SealedCredentials } {
  const { auth, tls, ...others } = endpoint
  const seal: Seal = (part, given, kept) => {
    const context = credentialContext(tenant, name, part)
    if (given === undefined) return kept && resealed(box, kept, context)
    // What is the same already stays as it is: such a write changes nothing.
    return kept !== undefined && opened(box, kept, context) === given ? kept : box.seal(given, context)
  }
  const sealedAuth = auth && sealAuth(auth, endpoint, existing, seal)
  const sealedTls =
    tls &&
    sealTls(tls, existing, seal, (sealed) => opened(box, sealed, credentialContext(tenant, name, 'tlsKey')))
  const credentials: SealedCredentials = {
    ...(sealedAuth && { auth: sealedAuth.sealed }),
    ...(sealedTls?.sealed !== undefined && { tlsKey: sealedTls.sealed }),
  }
  return {
    ...others,
    ...(sealedAuth && { auth: sealedAuth.auth }),
    ...(sealedTls && { tls: sealedTls.tls }),
    ...(Object.keys(credentials).length > 0 && { credentials }),
  }
}

function sealAuth(
  auth: EndpointAuth,
  endpoint: Endpoint,
  existing: Partial<StoredEndpoint> | undefined,
  seal: Seal,
): { auth: EndpointAuth; sealed: string } {
  const member = authSecrets[auth.type]
  const { [member]: secret, ...open } = auth as Record<string, string>
  const given = secret === secretMask ? undefined : secret
  const former = existing?.credentials?.auth
  const same = existing !== undefined && purposeOf(existing) === purposeOf({ ...endpoint, auth })
  const sealed = seal('auth', given, given !== undefined || same ? former : undefined)
  if (sealed !== undefined) return { auth: open as EndpointAuth, sealed }
  const detail =
    former === undefined
      ? 'has to be given: none is kept'
      : 'has to be given again: the one that is kept was given for another receiver or user'
  throw refusedWrite([{ pointer: `/auth/${member}`, detail }])
}

/** Whom a secret names, and to whom it is sent. */
function purposeOf({ url = '', auth }: Partial<Endpoint>): string {
  const origin = URL.parse(url.replace(/[{}]/g, '_'))?.origin
  if (auth?.type === 'basic') return JSON.stringify(['basic', origin, auth.username])
  if (auth?.type === 'oauth2') return JSON.stringify(['oauth2', origin, auth.tokenUrl, auth.clientId])
  return JSON.stringify([auth?.type, origin])
}

function sealTls(
  tls: EndpointTls,
  existing: Partial<StoredEndpoint> | undefined,
  seal: Seal,
  open: (sealed: string) => string | undefined,
): { tls: EndpointTls; sealed: string | undefined } {
  const { key, ...shown } = tls
  if (tls.certificate === undefined) return { tls: shown, sealed: undefined }
  const given = key === secretMask ? undefined : key
  const former = existing?.credentials?.tlsKey
  const sealed = seal('tlsKey', given, former)
  if (sealed === undefined)
    throw refusedWrite([{ pointer: '/tls/key', detail: 'has to be given: none is kept' }])
  const pem = given ?? open(sealed)
  if (pem === undefined) {
    throw refusedWrite([
      { pointer: '/tls/key', detail: 'has to be given again: the one that is kept cannot be opened' },
    ])
  }
  if (!new X509Certificate(tls.certificate).checkPrivateKey(createPrivateKey(pem))) {
    throw refusedWrite([{ pointer: '/tls/key', detail: 'is not the key of the certificate' }])
  }
  return { tls: shown, sealed }
}

/** Sealed again when the operator's key has changed; one whose key is gone stays as it is. */
function resealed(box: SecretBox, kept: string, context: string): string {
  return box.keyOf(kept) === 'former' ? box.seal(box.open(kept, context), context) : kept
}

function opened(box: SecretBox, sealed: string, context: string): string | undefined {
  return box.keyOf(sealed) === 'unknown' ? undefined : box.open(sealed, context)
}
