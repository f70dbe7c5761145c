import type { Authenticator, Principal, Scope } from '@millrace/catalog/authenticate-key'
import type { FastifyRequest } from 'fastify'

/** A hook that lets a request's body in only with a key that has the scope; the principal is kept for the handler. */
export function requireScope(authenticator: Authenticator, scope: Scope) {
  return (request: FastifyRequest, _reply: unknown, done: (error?: Error) => void): void => {
    try {
      principals.set(request, authenticator.authenticate(request.headers.authorization, scope))
      done()
    } catch (error) {
      done(error as Error)
    }
  }
}

const principals = new WeakMap<FastifyRequest, Principal>()

/** Undefined while the request has not shown a key, or when its route does not ask for one. */
export function knownPrincipal(request: FastifyRequest): Principal | undefined {
  return principals.get(request)
}

export function principalOf(request: FastifyRequest): Principal {
  const principal = knownPrincipal(request)
  if (principal === undefined) throw new Error('the route does not ask for a key')
  return principal
}
