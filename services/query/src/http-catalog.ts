import type { CatalogEntry, ResourceKind } from '@millrace/catalog/resources'
import { ServiceError } from '@millrace/service-kit/errors'
import type { FastifyInstance } from 'fastify'
import { type Static, Type } from 'typebox'
import { toResourceJson } from './format-lists.ts'
import type { Authorize, HttpDeps } from './http.ts'
import { isKnown } from './http-reports.ts'
import { listLimits } from './list-parameters.ts'

interface Kind {
  readonly kind: ResourceKind
  /** Of the path, and of the list in the answer. */
  readonly path: string
  readonly member: string
  readonly noun: string
}

const kinds: readonly Kind[] = [
  { kind: 'event-type', path: '/v1/event-types', member: 'eventTypes', noun: 'event type' },
  { kind: 'meter', path: '/v1/meters', member: 'meters', noun: 'meter' },
]

const Name = Type.Object({ name: Type.String() })
const ListQuery = Type.Object(
  {
    limit: Type.Optional(Type.Integer({ minimum: 1, maximum: listLimits.maxItems })),
    cursor: Type.Optional(Type.String({ maxLength: 8_192 })),
  },
  { additionalProperties: false },
)
const NoQuery = Type.Object({}, { additionalProperties: false })
const Resource = Type.Object(
  { name: Type.String(), version: Type.Integer(), updatedAt: Type.String(), updatedBy: Type.String() },
  { additionalProperties: true },
)

export function addCatalogRoutes(app: FastifyInstance, deps: HttpDeps, authorize: Authorize): void {
  for (const kind of kinds) addKind(app, deps, authorize, kind)
}

function addKind(
  app: FastifyInstance,
  deps: HttpDeps,
  authorize: Authorize,
  { kind, path, member, noun }: Kind,
): void {
  const onRequest = async (request: Parameters<Authorize>[0]): Promise<void> => {
    authorize(request, 'catalog:read')
  }
  app.get(
    path,
    {
      onRequest,
      schema: {
        tags: ['catalog'],
        summary: `Every ${noun}, by name`,
        querystring: ListQuery,
        response: {
          200: Type.Object({ [member]: Type.Array(Resource), nextCursor: Type.Optional(Type.String()) }),
        },
      },
    },
    (request, reply) => {
      const { tenant } = authorize(request, 'catalog:read')
      const { limit = listLimits.maxItems, cursor } = request.query as Static<typeof ListQuery>
      const subject = JSON.stringify(['catalog', tenant, kind])
      const after = cursor === undefined ? '' : (deps.cursors.decode(subject, cursor)[0] ?? '')
      const entries = deps.catalog.list(tenant, kind).filter(({ name }) => name > after)
      const page = entries.slice(0, limit)
      const last = entries.length > limit ? page.at(-1) : undefined
      return reply.type('application/json').send(
        JSON.stringify({
          [member]: page.map(toResourceJson),
          ...(last !== undefined && { nextCursor: deps.cursors.encode(subject, [last.name]) }),
        }),
      )
    },
  )
  app.get(
    `${path}/:name`,
    {
      onRequest,
      schema: {
        tags: ['catalog'],
        summary: `One ${noun}; its version is the ETag`,
        params: Name,
        querystring: NoQuery,
        response: { 200: Resource, 304: Type.Null({ description: 'if-none-match holds the ETag' }) },
      },
    },
    (request, reply) => {
      const { tenant } = authorize(request, 'catalog:read')
      const { name } = request.params as Static<typeof Name>
      const entry: CatalogEntry | undefined = deps.catalog.list(tenant, kind).find((it) => it.name === name)
      if (entry === undefined)
        throw new ServiceError('not-found', `There is no ${noun} ${JSON.stringify(name)}.`)
      const tag = `"${entry.version}"`
      reply.header('etag', tag).header('cache-control', 'private, no-cache')
      if (isKnown(request.headers['if-none-match'], tag)) return reply.code(304).send()
      return reply.type('application/json').send(JSON.stringify(toResourceJson(entry)))
    },
  )
}
