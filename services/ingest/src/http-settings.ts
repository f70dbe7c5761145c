import { checkShape } from '@millrace/catalog/check-shape'
import { TenantSettings, tenantSettingsName } from '@millrace/catalog/settings-resource'
import type { FastifyInstance } from 'fastify'
import { Compile } from 'typebox/compile'
import { putSettings } from './describe-resources.ts'
import type { IngestHttpDeps } from './http.ts'
import { maxResourceBytes, readWrite, sendResource } from './http-resource.ts'
import { refuseFaults } from './refused-write.ts'
import { requireScope } from './require-scope.ts'

const shape = Compile(TenantSettings)

export function addSettingsRoutes(app: FastifyInstance, deps: IngestHttpDeps): void {
  const onRequest = requireScope(deps.authenticator, 'catalog:write')
  app.put(
    '/v1/settings',
    { onRequest, bodyLimit: maxResourceBytes, schema: putSettings },
    async (request, reply) => {
      const write = readWrite(request, 'settings', tenantSettingsName)
      refuseFaults(checkShape(shape, request.body))
      // Never 201: a tenant has settings from the beginning, the defaults.
      return sendResource(reply, write, await deps.writeCatalog({ ...write, body: request.body as object }))
    },
  )
}
