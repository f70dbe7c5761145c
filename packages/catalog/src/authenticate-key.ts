import { timingSafeEqual } from 'node:crypto'
import { ServiceError } from '@millrace/service-kit/errors'
import type { KeyConstraints } from './key-constraints.ts'
import type { KeyDirectory } from './key-directory.ts'
import { type Scope, scopes } from './scopes.ts'

export { type Scope, scopes } from './scopes.ts'

/** Who a request comes from. */
export interface Principal {
  readonly tenant: string
  readonly application: string
  readonly scopes: ReadonlySet<Scope>
  /** Id of an issued key; the root key has none. */
  readonly keyId?: string
  /** What of the events it may write and read, see `allows`; absent when that is everything. */
  readonly constraints?: KeyConstraints
  readonly rateLimit?: { readonly perSecond: number }
}

export interface Authenticator {
  /**
   * @param authorization value of the header or metadata entry
   * @throws {ServiceError} `unauthenticated` without a valid key, `forbidden` when its scopes do not suffice,
   * `unavailable` while keys have not been read yet
   */
  authenticate(authorization: string | undefined, scope: Scope): Principal
}

/** Also tells who sends a key, whatever it allows. */
export interface KeyReader extends Authenticator {
  /** @throws {ServiceError} `unauthenticated`, `unavailable`, as `authenticate` does */
  identify(authorization: string | undefined): Principal
}

/**
 * Knows the root key, and the keys that were issued.
 * @param directory the issued keys; without one there is only the root key
 */
export function createAuthenticator(rootKey: string, directory?: KeyDirectory): KeyReader {
  const paddedRootKey = pad(rootKey)
  const root: Principal = { tenant: 'default', application: 'root', scopes: new Set(scopes) }
  // The root key as it was sent, in all the ways that a scheme and blanks allow; found as the directory finds others.
  const rootAuthorizations = new Set<string>()
  const find = (authorization: string | undefined): Principal => {
    // Every request comes here: a lookup of the text as it was sent, no hashing.
    const known = authorization === undefined ? undefined : directory?.recall(authorization)
    if (known !== undefined) return known
    if (authorization !== undefined && rootAuthorizations.has(authorization)) return root
    const key = readBearer(authorization)
    if (timingSafeEqual(pad(key), paddedRootKey)) {
      if (rootAuthorizations.size < maxRootAuthorizations) rootAuthorizations.add(authorization as string)
      return root
    }
    const principal = directory?.find(key, authorization as string)
    if (principal !== undefined) return principal
    throw new ServiceError('unauthenticated', 'The key is not known, has expired or was revoked.')
  }
  return {
    identify: find,
    authenticate(authorization, scope) {
      const principal = find(authorization)
      if (!principal.scopes.has(scope)) {
        throw new ServiceError('forbidden', `The key lacks the scope ${scope}.`)
      }
      return principal
    },
  }
}

function readBearer(authorization: string | undefined): string {
  const key = /^Bearer +(\S+)$/i.exec(authorization ?? '')?.[1]
  if (key === undefined) {
    throw new ServiceError('unauthenticated', 'Send a key: "Authorization: Bearer <key>".')
  }
  if (key.length > maxKeyLength) {
    throw new ServiceError('unauthenticated', 'The key is not known, has expired or was revoked.')
  }
  return key
}

const maxKeyLength = 512
const maxRootAuthorizations = 16

/** Of one length, so that the comparison's time tells nothing; a hash would do that too, at many times the cost. */
function pad(key: string): Buffer {
  const padded = Buffer.alloc(4 * maxKeyLength)
  padded.write(key)
  return padded
}
