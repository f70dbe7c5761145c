import type { Authenticator, Principal, Scope } from '@millrace/catalog/authenticate-key'
import type { FastifyRequest } from 'fastify'

/** A hook that lets a request's body in only with a key that has the scope; the principal is kept for the handler. */
export function requireScope(authenticator: Authenticator, scope: Scope) {
  return (request: FastifyRequest, _reply: unknown, done: (error?: Error) => void): void => {
    try {
      ;(request as Asking)[asked] = authenticator.authenticate(request.headers.authorization, scope)
      done()
    } catch (error) {
      done(error as Error)
    }
  }
}

/** On the request itself: a weak map of as many short-lived keys costs the garbage collector more than the rest of a request. */
const asked = Symbol('principal')

interface Asking extends FastifyRequest {
  [asked]?: Principal
}

/** Undefined while the request has not shown a key, or when its route does not ask for one. */
export function knownPrincipal(request: FastifyRequest): Principal | undefined {
  return (request as Asking)[asked]
}

export function principalOf(request: FastifyRequest): Principal {
  const principal = knownPrincipal(request)
  if (principal === undefined) throw new Error('the route does not ask for a key')
  return principal
}
