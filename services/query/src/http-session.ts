import type { KeyReader, Principal } from '@millrace/catalog/authenticate-key'
import { ServiceError } from '@millrace/service-kit/errors'
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import { type Static, Type } from 'typebox'
import { requireSameOrigin } from './same-origin.ts'
import type { Sessions } from './session.ts'
import { sessionOf, setCookie } from './session-cookie.ts'
import { createSignInTries } from './sign-in-tries.ts'

const Credentials = Type.Object(
  { key: Type.String({ minLength: 1, maxLength: 512, pattern: '^\\S+$' }) },
  { additionalProperties: false },
)

export interface SessionDeps {
  readonly authenticator: KeyReader
  readonly sessions: Sessions
}

/** Signing in to the console. `takesCommands`: whether it can hand anything over to ingest. */
export function addSessionRoutes(app: FastifyInstance, deps: SessionDeps, takesCommands: boolean): void {
  const tries = createSignInTries()
  const show = ({ tenant, application, scopes, constraints }: Principal, expiresAtMs: number) => ({
    tenant,
    application,
    scopes: [...scopes],
    ...(constraints !== undefined && { constraints }),
    expiresAt: new Date(expiresAtMs).toISOString(),
    takesCommands,
  })
  const options = { schema: { hide: true }, onRequest: requireSameOrigin, bodyLimit: 4_096 }
  app.post(
    '/session',
    { ...options, schema: { ...options.schema, body: Credentials } },
    async (request, reply) => {
      const { key } = request.body as Static<typeof Credentials>
      const principal = signIn(deps.authenticator, tries, request, key)
      const { text, expiresAtMs } = deps.sessions.seal(key)
      reply.header('set-cookie', setCookie(request, text, deps.sessions.lifetimeMs))
      return sendFresh(reply, show(principal, expiresAtMs))
    },
  )
  app.get('/session', { schema: options.schema }, async (request, reply) => {
    const session = sessionOf(request, deps.sessions)
    // Not a fault: it is how a page asks whether somebody is signed in.
    if (session === undefined) return reply.code(204).header('cache-control', 'no-store').send()
    try {
      const principal = deps.authenticator.identify(session.authorization)
      return await sendFresh(reply, show(principal, session.expiresAtMs))
    } catch (error) {
      if (!(error instanceof ServiceError) || error.code !== 'unauthenticated') throw error
      return signOut(request, reply)
    }
  })
  app.delete('/session', options, async (request, reply) => signOut(request, reply))
}

/** Behind a gateway all have one address: whoever tries keys out there must not keep the others from signing in. */
function signIn(
  authenticator: KeyReader,
  tries: ReturnType<typeof createSignInTries>,
  request: FastifyRequest,
  key: string,
): Principal {
  try {
    return authenticator.identify(`Bearer ${key}`)
  } catch (error) {
    if (!(error instanceof ServiceError) || error.code !== 'unauthenticated') throw error
    const waitSeconds = tries.waitSeconds(request.ip)
    if (waitSeconds === 0) {
      tries.failed(request.ip)
      throw error
    }
    throw new ServiceError(
      'rate-limited',
      `Too many keys that are not valid were tried. Try again in ${waitSeconds} seconds.`,
      { retryAfterSeconds: waitSeconds },
    )
  }
}

function signOut(request: FastifyRequest, reply: FastifyReply): FastifyReply {
  return reply
    .code(204)
    .header('set-cookie', setCookie(request, '', 0))
    .header('cache-control', 'no-store')
    .send()
}

function sendFresh(reply: FastifyReply, body: object): FastifyReply {
  return reply.type('application/json').header('cache-control', 'no-store').send(JSON.stringify(body))
}
