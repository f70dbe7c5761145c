import { checkEventType } from '@millrace/catalog/check-event-type'
import { checkMeter } from '@millrace/catalog/check-meter'
import { checkShape } from '@millrace/catalog/check-shape'
import type { CatalogWrite, WrittenResource } from '@millrace/catalog/decide-write'
import { EventType, EventTypeName, Meter, ResourceName } from '@millrace/catalog/resources'
import { type Fault, ServiceError } from '@millrace/service-kit/errors'
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import { type TSchema, Type } from 'typebox'
import { Compile } from 'typebox/compile'
import { problemResponses } from './describe-problems.ts'
import type { IngestHttpDeps } from './http.ts'
import { principalOf, requireScope } from './require-scope.ts'

/** @throws {ServiceError} `precondition-failed`, `not-found`, `unavailable` */
export type WriteCatalog = (write: CatalogWrite) => Promise<WrittenResource>

interface ResourceRoutes {
  readonly path: string
  readonly kind: CatalogWrite['kind']
  /** For people. */
  readonly noun: string
  readonly name: TSchema
  readonly body: TSchema
  readonly check: (body: unknown) => Fault[]
}

const resources: readonly ResourceRoutes[] = [
  {
    path: '/v1/event-types',
    kind: 'event-type',
    noun: 'event type',
    name: EventTypeName,
    body: EventType,
    check: checkEventType,
  },
  { path: '/v1/meters', kind: 'meter', noun: 'meter', name: ResourceName, body: Meter, check: checkMeter },
]

const maxBodyBytes = 256 * 1024

export function addCatalogRoutes(app: FastifyInstance, deps: IngestHttpDeps): void {
  for (const resource of resources) addResourceRoutes(app, deps, resource)
}

function addResourceRoutes(app: FastifyInstance, deps: IngestHttpDeps, resource: ResourceRoutes): void {
  const { path, kind, noun, body, check } = resource
  const onRequest = requireScope(deps.authenticator, 'catalog:write')
  const nameShape = Compile(resource.name)
  const params = Type.Object({ name: resource.name })
  const write = (request: FastifyRequest, wanted: object | undefined): Promise<WrittenResource> => {
    const { name } = request.params as { name: string }
    if (checkShape(nameShape, name).length > 0) {
      throw new ServiceError(
        'invalid-request',
        `"${name.slice(0, 300)}" is not a name that ${noun}s may have.`,
      )
    }
    const { tenant, application } = principalOf(request)
    return deps.writeCatalog({ tenant, application, kind, name, body: wanted, ...readPreconditions(request) })
  }
  app.put(
    `${path}/:name`,
    {
      onRequest,
      bodyLimit: maxBodyBytes,
      schema: {
        summary: `Creates or changes ${noun === 'event type' ? 'an' : 'a'} ${noun}.`,
        description: 'If-Match with the ETag guards against lost updates.',
        params,
        body,
        response: problemResponses(400, 401, 403, 412, 413, 415, 503),
      },
    },
    async (request, reply) => {
      const faults = check(request.body)
      if (faults.length > 0) throw refused(faults)
      const written = await write(request, request.body as object)
      return send(reply.code(written.created ? 201 : 200), request, written)
    },
  )
  app.delete(
    `${path}/:name`,
    {
      onRequest,
      bodyLimit: maxBodyBytes,
      schema: {
        summary: `Deletes ${noun === 'event type' ? 'an' : 'a'} ${noun}; answers with what it was.`,
        params,
        response: problemResponses(401, 403, 404, 412, 503),
      },
    },
    async (request, reply) => send(reply, request, await write(request, undefined)),
  )
}

function send(reply: FastifyReply, request: FastifyRequest, written: WrittenResource): FastifyReply {
  const { name } = request.params as { name: string }
  return reply
    .header('etag', `"${written.version}"`)
    .send({ name, version: written.version, updatedAt: written.updatedAt, ...written.body })
}

/** Weak and foreign tags match nothing: comparison is strong (RFC 9110, section 13.1.1). */
function readPreconditions(request: FastifyRequest): Pick<CatalogWrite, 'ifMatch' | 'ifNoneMatch'> {
  const ifMatch = request.headers['if-match']?.trim()
  const ifNoneMatch = request.headers['if-none-match']?.trim()
  if (ifNoneMatch !== undefined && ifNoneMatch !== '*') {
    throw new ServiceError('invalid-request', 'If-None-Match is understood as "*" only.')
  }
  return {
    ...(ifMatch !== undefined && { ifMatch: ifMatch === '*' ? ('*' as const) : readTags(ifMatch) }),
    ...(ifNoneMatch !== undefined && { ifNoneMatch: true }),
  }
}

function readTags(header: string): number[] {
  return header
    .split(',')
    .map((tag) => /^"(\d{1,15})"$/.exec(tag.trim())?.[1])
    .filter((version) => version !== undefined)
    .map(Number)
}

function refused(faults: readonly Fault[]): ServiceError {
  const first = faults.map(({ pointer, detail }) => `${pointer || 'the body'} ${detail}`).slice(0, 3)
  return new ServiceError('invalid-request', `Nothing was written: ${first.join('; ')}.`, { faults })
}
