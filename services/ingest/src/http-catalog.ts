import { checkEventType } from '@millrace/catalog/check-event-type'
import { checkMeter } from '@millrace/catalog/check-meter'
import type { CatalogWrite, WrittenResource } from '@millrace/catalog/decide-write'
import { EventTypeName, ResourceName } from '@millrace/catalog/resources'
import type { Fault } from '@millrace/service-kit/errors'
import type { FastifyInstance } from 'fastify'
import { Compile, type Validator } from 'typebox/compile'
import { deleteResource, type ResourceNoun, resourceNouns } from './describe-catalog.ts'
import { putEventType, putMeter } from './describe-resources.ts'
import type { IngestHttpDeps } from './http.ts'
import { maxResourceBytes, readName, readWrite, sendResource } from './http-resource.ts'
import { refuseFaults } from './refused-write.ts'
import { requireScope } from './require-scope.ts'

/** @throws {ServiceError} `precondition-failed`, `not-found`, `conflict`, `unavailable` */
export type WriteCatalog = (write: CatalogWrite) => Promise<WrittenResource>

interface ResourceRoutes {
  readonly noun: ResourceNoun
  readonly name: Validator
  readonly put: object
  readonly check: (body: unknown) => Fault[]
}

export function addCatalogRoutes(app: FastifyInstance, deps: IngestHttpDeps): void {
  addResourceRoutes(app, deps, {
    noun: resourceNouns.eventType,
    name: Compile(EventTypeName),
    put: putEventType,
    check: checkEventType,
  })
  addResourceRoutes(app, deps, {
    noun: resourceNouns.meter,
    name: Compile(ResourceName),
    put: putMeter,
    check: checkMeter,
  })
}

function addResourceRoutes(app: FastifyInstance, deps: IngestHttpDeps, routes: ResourceRoutes): void {
  const { noun, name: nameShape, put, check } = routes
  const { kind, path } = noun
  const onRequest = requireScope(deps.authenticator, 'catalog:write')
  app.put(
    `${path}/:name`,
    { onRequest, bodyLimit: maxResourceBytes, schema: put },
    async (request, reply) => {
      const name = readName(request, nameShape, noun.word)
      const write = readWrite(request, kind, name)
      refuseFaults(check(request.body))
      const written = await deps.writeCatalog({ ...write, body: request.body as object })
      return sendResource(reply.code(written.created ? 201 : 200), { kind, name }, written)
    },
  )
  app.delete(
    `${path}/:name`,
    { onRequest, bodyLimit: maxResourceBytes, schema: deleteResource(noun) },
    async (request, reply) => {
      const name = readName(request, nameShape, noun.word)
      const written = await deps.writeCatalog({ ...readWrite(request, kind, name), body: undefined })
      return sendResource(reply, { kind, name }, written)
    },
  )
}
