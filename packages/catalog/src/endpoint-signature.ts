import { type Static, Type } from 'typebox'

/** Kinds of signatures of Standard Webhooks. */
export const Signatures = Type.Array(Type.Enum(['v1', 'v1a']), {
  minItems: 1,
  maxItems: 2,
  uniqueItems: true,
  description:
    'How requests are signed: v1 with the shared secret (HMAC-SHA256), v1a with a key whose public half is shown (Ed25519). Default v1.',
})
export type SignatureKind = Static<typeof Signatures>[number]

/** An Ed25519 key as the catalog keeps it. */
export interface SealedSigningKey {
  /** Private key: PKCS #8 in base64, sealed (see seal-secret.ts). */
  readonly sealed: string
  /** `whpk_` and the public key in base64. */
  readonly publicKey: string
}

/** A signing secret as the catalog keeps it. */
export interface SealedSecret {
  /** See seal-secret.ts. */
  readonly sealed: string
  /** RFC 3339. */
  readonly createdAt: string
  /** RFC 3339; absent for the newest, which does not expire. */
  readonly expiresAt?: string
  /** Since the endpoint asked for v1a. */
  readonly ed25519?: SealedSigningKey
}

/** What a sealed secret is bound to: it opens for this endpoint only. */
export function secretContext(tenant: string, name: string): string {
  return `${tenant}/endpoint/${name}`
}

export function signingKeyContext(tenant: string, name: string): string {
  return `${tenant}/endpoint/${name}/ed25519`
}

/** The public key that receivers verify v1a with, while the endpoint is signed with it. */
export function shownPublicKey(endpoint: {
  readonly signatures?: readonly SignatureKind[]
  readonly secrets?: readonly SealedSecret[]
}): { publicKey?: string } {
  const publicKey = endpoint.signatures?.includes('v1a') && endpoint.secrets?.[0]?.ed25519?.publicKey
  return publicKey ? { publicKey } : {}
}
