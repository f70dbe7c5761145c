import { type Static, Type } from 'typebox'
import { scopes } from './scopes.ts'

const ConstraintPattern = Type.String({ minLength: 1, maxLength: 256 })
const ConstraintPatterns = Type.Array(ConstraintPattern, { minItems: 1, maxItems: 100 })

/** What POST /v1/keys says of a key. */
const keyMembers = {
  application: Type.String({
    pattern: '^[^\\s\\p{C}]([^\\p{C}]{0,126}[^\\s\\p{C}])?$',
    'x-form': '1 to 128 characters without control characters, no blank at either end',
  }),
  scopes: Type.Array(Type.Enum([...scopes]), { minItems: 1, maxItems: 100 }),
  constraints: Type.Optional(
    Type.Object(
      { eventTypes: Type.Optional(ConstraintPatterns), subjects: Type.Optional(ConstraintPatterns) },
      { additionalProperties: false },
    ),
  ),
  rateLimit: Type.Optional(
    Type.Object(
      { perSecond: Type.Number({ exclusiveMinimum: 0, maximum: 1_000_000_000 }) },
      { additionalProperties: false },
    ),
  ),
}

export const TenantName = Type.String({
  pattern: '^[a-z0-9][a-z0-9._-]{0,62}$',
  'x-form': 'up to 63 lower-case letters, digits, dots, underscores and hyphens, first a letter or a digit',
})

export const KeyRequest = Type.Object(
  {
    ...keyMembers,
    expiresAt: Type.Optional(
      Type.Union([Type.String({ maxLength: 64, description: 'RFC 3339' }), Type.Null()]),
    ),
    tenant: Type.Optional(TenantName),
  },
  { additionalProperties: false },
)
export type KeyRequest = Static<typeof KeyRequest>

/** A key in the catalog. Only the hash of its text is kept, and that is shown nowhere. */
export const Key = Type.Object({
  ...keyMembers,
  expiresAt: Type.Union([Type.String(), Type.Null()]),
  /** SHA-256 of the key's text, base64url. */
  hash: Type.String(),
})
export type Key = Static<typeof Key>
