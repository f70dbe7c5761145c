import { createHmac, createPrivateKey, type KeyObject, sign as signWithKey } from 'node:crypto'
import {
  type SealedSecret,
  type SignatureKind,
  secretContext,
  signingKeyContext,
} from '@millrace/catalog/endpoint-signature'
import type { SecretBox } from '@millrace/catalog/seal-secret'
import { parseTimestamp } from '@millrace/service-kit/timestamp'

export interface SignedContent {
  /** webhook-id and webhook-timestamp, as they are sent. */
  readonly id: string
  readonly timestampSeconds: number
  /** Null is signed as nothing. */
  readonly body: Buffer | null
}

/** Whose secrets sign. */
export interface Signatory {
  readonly tenant: string
  readonly endpoint: string
  readonly secrets: readonly SealedSecret[]
  readonly signatures: readonly SignatureKind[]
}

/** The signature cannot be made: nothing may be sent without it. */
export class SigningError extends Error {
  override readonly name = 'SigningError'
}

/**
 * The header webhook-signature: one signature for each secret that is valid at the request's time, newest first.
 * Source: Standard Webhooks 1.0, "Signature scheme".
 */
export type SignRequest = (content: SignedContent, signatory: Signatory) => string

/** As long as the endpoint's record lives: opening costs more than signing. */
type OpenSecrets = WeakMap<SealedSecret, OpenSecret>

interface OpenSecret {
  readonly shared: Buffer
  readonly ed25519: KeyObject | undefined
}

export function createRequestSigner(box: SecretBox): SignRequest {
  const opened: OpenSecrets = new WeakMap()
  const open = (secret: SealedSecret, signatory: Signatory): OpenSecret => {
    const known = opened.get(secret)
    if (known !== undefined) return known
    const fresh = openSecret(box, secret, signatory)
    opened.set(secret, fresh)
    return fresh
  }
  return (content, signatory) => {
    const nowUs = content.timestampSeconds * 1_000_000
    const valid = signatory.secrets.filter(
      ({ expiresAt }) => expiresAt === undefined || isLater(expiresAt, nowUs),
    )
    const head = `${content.id}.${content.timestampSeconds}.`
    const signatures = valid.flatMap((secret) => {
      const { shared, ed25519 } = open(secret, signatory)
      return signatory.signatures.flatMap((kind) => {
        if (kind === 'v1') return `v1,${hmac(shared, head, content.body)}`
        // A secret from before the endpoint asked for this kind has no key of it.
        return ed25519 === undefined ? [] : `v1a,${signEd25519(ed25519, head, content.body)}`
      })
    })
    if (signatures.length === 0) throw new SigningError('the endpoint has no valid secret to sign with')
    return signatures.join(' ')
  }
}

function isLater(expiresAt: string, nowUs: number): boolean {
  return (parseTimestamp(expiresAt) ?? 0) > nowUs
}

/** @throws {SigningError} */
function openSecret(box: SecretBox, secret: SealedSecret, { tenant, endpoint }: Signatory): OpenSecret {
  try {
    const shared = box.open(secret.sealed, secretContext(tenant, endpoint))
    const ed25519 = secret.ed25519 && box.open(secret.ed25519.sealed, signingKeyContext(tenant, endpoint))
    return {
      shared: Buffer.from(shared.replace(/^whsec_/, ''), 'base64'),
      ed25519: ed25519 === undefined ? undefined : toPrivateKey(Buffer.from(ed25519, 'base64')),
    }
  } catch (error) {
    throw new SigningError('a signing secret of the endpoint cannot be opened: check MILLRACE_SECRETS_KEY', {
      cause: error,
    })
  }
}

/** PKCS #8, DER. */
function toPrivateKey(der: Buffer): KeyObject {
  return createPrivateKey({ key: der, format: 'der', type: 'pkcs8' })
}

function hmac(key: Buffer, head: string, body: Buffer | null): string {
  const digest = createHmac('sha256', key).update(head)
  if (body !== null) digest.update(body)
  return digest.digest('base64')
}

function signEd25519(key: KeyObject, head: string, body: Buffer | null): string {
  const content = body === null ? Buffer.from(head) : Buffer.concat([Buffer.from(head), body])
  return signWithKey(null, content, key).toString('base64')
}
