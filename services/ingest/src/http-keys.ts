import type { FastifyInstance } from 'fastify'
import { deleteKey, postKeys } from './describe-keys.ts'
import type { IngestHttpDeps } from './http.ts'
import { readWrite, sendResource } from './http-resource.ts'
import { issueKey } from './issue-key.ts'
import { principalOf, requireScope } from './require-scope.ts'

const maxBodyBytes = 64 * 1024

export function addKeyRoutes(app: FastifyInstance, deps: IngestHttpDeps): void {
  const options = { onRequest: requireScope(deps.authenticator, 'keys:admin'), bodyLimit: maxBodyBytes }
  app.post('/v1/keys', { ...options, schema: postKeys }, async (request, reply) => {
    const { id, text, tenant, written } = await issueKey(deps, request.body, principalOf(request))
    reply.code(201).header('cache-control', 'no-store')
    return sendResource(reply, { kind: 'key', name: id }, written, { tenant, key: text })
  })
  app.delete('/v1/keys/:id', { ...options, schema: deleteKey }, async (request, reply) => {
    const { id } = request.params as { id: string }
    const { tenant: own, keyId } = principalOf(request)
    const write = readWrite(request, 'key', id)
    // The root key issues keys for other tenants, so it revokes them too.
    const tenant = (keyId === undefined ? deps.tenantOfKey(id) : undefined) ?? own
    const written = await deps.writeCatalog({ ...write, tenant, body: undefined })
    return sendResource(reply, write, written, { tenant })
  })
}
