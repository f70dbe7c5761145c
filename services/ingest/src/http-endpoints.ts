import type { Endpoint } from '@millrace/catalog/endpoint-resource'
import { ResourceName } from '@millrace/catalog/resources'
import { within } from '@millrace/service-kit/deadline'
import { ServiceError } from '@millrace/service-kit/errors'
import { continueTrace, formatTraceparent } from '@millrace/service-kit/trace-context'
import type { FastifyInstance, FastifyRequest } from 'fastify'
import { Compile } from 'typebox/compile'
import { checkEndpoint } from './check-endpoint.ts'
import { readQuery } from './check-query.ts'
import { deleteResource, resourceNouns } from './describe-catalog.ts'
import { postSecret, postTest, putEndpoint as putEndpointDocs } from './describe-endpoints.ts'
import { putEndpoint, rotateSecret } from './endpoint-secrets.ts'
import type { IngestHttpConfig, IngestHttpDeps } from './http.ts'
import { maxResourceBytes, readName, readWrite, sendResource } from './http-resource.ts'
import { traceparentOf } from './reception.ts'
import { refuseFaults } from './refused-write.ts'
import { principalOf, requireScope } from './require-scope.ts'
import { unconfirmed } from './unconfirmed.ts'

const kind = 'endpoint'
const path = '/v1/endpoints/:name'
const nameShape = Compile(ResourceName)

/** Receivers of events, their secrets and their test. A secret is in the one answer that brings it. */
export function addEndpointRoutes(
  app: FastifyInstance,
  deps: IngestHttpDeps,
  config: IngestHttpConfig,
): void {
  const onRequest = requireScope(deps.authenticator, 'catalog:write')
  const options = { onRequest, bodyLimit: maxResourceBytes }
  app.put(path, { ...options, schema: putEndpointDocs }, async (request, reply) => {
    const name = readName(request, nameShape, kind)
    const write = readWrite(request, kind, name)
    refuseFaults(checkEndpoint(request.body))
    const { change, secret } = putEndpoint(deps.endpoints, request.body as Endpoint, write)
    const written = await deps.writeCatalog({ ...write, body: undefined, change })
    if (!written.created) return sendResource(reply, write, written)
    return sendResource(reply.code(201).header('cache-control', 'no-store'), write, written, { secret })
  })
  app.delete(path, { ...options, schema: deleteResource(resourceNouns.endpoint) }, async (request, reply) => {
    const write = readWrite(request, kind, readName(request, nameShape, kind))
    return sendResource(reply, write, await deps.writeCatalog({ ...write, body: undefined }))
  })
  app.register(async (scope) => {
    acceptEmptyBodies(scope)
    scope.post(`${path}/secret`, { ...options, schema: postSecret }, async (request, reply) => {
      const write = readWrite(request, kind, readName(request, nameShape, kind))
      const { change, secret } = rotateSecret(deps.endpoints, write)
      const written = await deps.writeCatalog({ ...write, body: undefined, change })
      return sendResource(reply.header('cache-control', 'no-store'), write, written, { secret })
    })
    scope.post(`${path}/test`, { ...options, schema: postTest }, async (request, reply) => {
      readQuery(request, [])
      const sending = deps.endpoints.test(readName(request, nameShape, kind), receptionOf(deps, request))
      return reply.code(202).send(await within(sending, config.requestTimeoutMs, unconfirmed))
    })
  })
}

/** Clients tend to send a content-type with every POST, these have nothing to say. */
function acceptEmptyBodies(scope: FastifyInstance): void {
  scope.removeContentTypeParser('application/json')
  scope.addContentTypeParser('application/json', { parseAs: 'string' }, (_request, body, done) => {
    if (/^\s*(\{\s*\})?\s*$/.test(body as string)) done(null, undefined)
    else done(new ServiceError('invalid-request', 'This takes no body. Leave it out.'))
  })
}

function receptionOf(deps: IngestHttpDeps, request: FastifyRequest) {
  const { tenant, application } = principalOf(request)
  const trace = continueTrace(traceparentOf(request.headers))
  return { tenant, application, receivedAtUs: deps.now(), traceparent: formatTraceparent(trace) }
}
