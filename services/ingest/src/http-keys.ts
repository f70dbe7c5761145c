import { showResource } from '@millrace/catalog/show-resource'
import type { FastifyInstance } from 'fastify'
import { deleteKey, postKeys } from './describe-keys.ts'
import type { IngestHttpDeps } from './http.ts'
import { issueKey } from './issue-key.ts'
import { principalOf, requireScope } from './require-scope.ts'

const maxBodyBytes = 64 * 1024

export function addKeyRoutes(app: FastifyInstance, deps: IngestHttpDeps): void {
  const onRequest = requireScope(deps.authenticator, 'keys:admin')
  app.post('/v1/keys', { onRequest, bodyLimit: maxBodyBytes, schema: postKeys }, async (request, reply) => {
    const { id, text, tenant, written } = await issueKey(deps, request.body, principalOf(request))
    return reply
      .code(201)
      .header('etag', `"${written.version}"`)
      .header('cache-control', 'no-store')
      .send({ ...showResource('key', { name: id, ...written }), tenant, key: text })
  })
  app.delete(
    '/v1/keys/:id',
    { onRequest, bodyLimit: maxBodyBytes, schema: deleteKey },
    async (request, reply) => {
      const { id } = request.params as { id: string }
      const { tenant: own, application, keyId } = principalOf(request)
      // The root key issues keys for other tenants, so it revokes them too.
      const tenant = (keyId === undefined ? deps.tenantOfKey(id) : undefined) ?? own
      const written = await deps.writeCatalog({ tenant, application, kind: 'key', name: id, body: undefined })
      return reply
        .header('etag', `"${written.version}"`)
        .send({ ...showResource('key', { name: id, ...written }), tenant })
    },
  )
}
