import { timingSafeEqual } from 'node:crypto'
import { ServiceError } from '@millrace/service-kit/errors'

export const scopes = [
  'events:write',
  'events:backfill',
  'events:read',
  'events:settle',
  'events:retract',
  'reports:read',
  'postbacks:write',
  'deliveries:read',
  'deliveries:replay',
  'catalog:read',
  'catalog:write',
  'keys:admin',
] as const
export type Scope = (typeof scopes)[number]

/** Who a request comes from. */
export interface Principal {
  readonly tenant: string
  readonly application: string
  readonly scopes: ReadonlySet<Scope>
}

export interface Authenticator {
  /**
   * @param authorization value of the header or metadata entry
   * @throws {ServiceError} `unauthenticated` without a valid key, `forbidden` when its scopes do not suffice
   */
  authenticate(authorization: string | undefined, scope: Scope): Principal
}

/** Knows the root key; issued keys come from the catalog. */
export function createAuthenticator(rootKey: string): Authenticator {
  const paddedRootKey = pad(rootKey)
  const root: Principal = { tenant: 'default', application: 'root', scopes: new Set(scopes) }
  return {
    authenticate(authorization, scope) {
      const key = /^Bearer +(\S+)$/i.exec(authorization ?? '')?.[1]
      if (key === undefined) {
        throw new ServiceError('unauthenticated', 'Send a key: "Authorization: Bearer <key>".')
      }
      if (key.length > maxKeyLength || !timingSafeEqual(pad(key), paddedRootKey)) {
        throw new ServiceError('unauthenticated', 'The key is not known, has expired or was revoked.')
      }
      if (!root.scopes.has(scope)) throw new ServiceError('forbidden', `The key lacks the scope ${scope}.`)
      return root
    },
  }
}

const maxKeyLength = 512

/** Of one length, so that the comparison's time tells nothing; a hash would do that too, at many times the cost. */
function pad(key: string): Buffer {
  const padded = Buffer.alloc(4 * maxKeyLength)
  padded.write(key)
  return padded
}
