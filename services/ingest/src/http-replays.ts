import { checkReplay } from '@millrace/catalog/check-replay'
import { type ReplayRequest, toReplay } from '@millrace/catalog/replay-resource'
import { ServiceError } from '@millrace/service-kit/errors'
import type { FastifyInstance, onRequestHookHandler } from 'fastify'
import { postReplays } from './describe-resources.ts'
import type { IngestHttpDeps } from './http.ts'
import { maxResourceBytes, readWrite, sendResource } from './http-resource.ts'
import { refuseFaults } from './refused-write.ts'
import { principalOf, requireScope } from './require-scope.ts'

/** Re-driving events is writing them once more. */
const scopeOf = { events: 'events:write', deliveries: 'deliveries:replay' } as const

/** A replay is a resource of the catalog; whoever carries it out reads it there. */
export function addReplayRoutes(app: FastifyInstance, deps: IngestHttpDeps): void {
  app.post(
    '/v1/replays',
    { onRequest: requireEitherScope(deps), bodyLimit: maxResourceBytes, schema: postReplays },
    async (request, reply) => {
      const principal = principalOf(request)
      const write = readWrite(request, 'replay', `rep_${deps.newId()}`)
      refuseFaults(checkReplay(request.body))
      const replay = request.body as ReplayRequest
      const scope = scopeOf[replay.what]
      if (!principal.scopes.has(scope)) {
        throw new ServiceError('forbidden', `The key lacks the scope ${scope} to replay ${replay.what}.`)
      }
      const written = await deps.writeCatalog({ ...write, body: toReplay(replay, principal, deps.now()) })
      return sendResource(reply.code(202), write, written)
    },
  )
}

/** What is replayed, and so which scope it takes, stands in the body; without either of them nobody may send one. */
function requireEitherScope({ authenticator }: IngestHttpDeps): onRequestHookHandler {
  const deliveries = requireScope(authenticator, scopeOf.deliveries)
  const events = requireScope(authenticator, scopeOf.events)
  return (request, reply, done) =>
    deliveries(request, reply, (error) => {
      if (error instanceof ServiceError && error.code === 'forbidden') events(request, reply, done)
      else done(error)
    })
}
