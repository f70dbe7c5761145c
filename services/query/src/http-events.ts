import type { FastifyInstance } from 'fastify'
import { type Static, Type } from 'typebox'
import { formatEvent, formatList } from './format-lists.ts'
import type { Authorize, HttpDeps } from './http.ts'
import { listLimits, listParameters, parseTimeRange } from './list-parameters.ts'

const EventsQuery = Type.Object(
  {
    type: Type.Optional(Type.String()),
    subject: Type.Optional(Type.String()),
    source: Type.Optional(Type.String()),
    status: Type.Optional(
      Type.Enum(['processed', 'invalid'], {
        description: 'an event that was only received so far is in no list',
      }),
    ),
    ...listParameters,
  },
  { additionalProperties: false },
)

const EventId = Type.Object({ id: Type.String() })
const EventSource = Type.Object({ source: Type.Optional(Type.String()) }, { additionalProperties: false })

const EventAnswer = Type.Object({
  event: Type.Record(Type.String(), Type.Unknown(), { description: 'CloudEvents 1.0 JSON' }),
  status: Type.Enum(['processed', 'invalid']),
  reason: Type.Optional(Type.String()),
  pointer: Type.Optional(Type.String()),
  receivedAt: Type.String(),
  storedAt: Type.String(),
  application: Type.String(),
  schemaVersion: Type.Integer(),
})

export function addEventRoutes(app: FastifyInstance, deps: HttpDeps, authorize: Authorize): void {
  app.get(
    '/v1/events',
    {
      onRequest: async (request) => void authorize(request, 'events:read'),
      schema: {
        tags: ['events'],
        summary: 'Events, the latest received first',
        description: 'from and to are of the events’ own time.',
        querystring: EventsQuery,
        response: {
          200: Type.Object({ events: Type.Array(EventAnswer), nextCursor: Type.Optional(Type.String()) }),
        },
      },
    },
    async (request, reply) => {
      const { tenant } = authorize(request, 'events:read')
      const query = request.query as Static<typeof EventsQuery>
      const { from, to, limit = listLimits.defaultItems, cursor, ...filter } = query
      const page = await deps.events.list(tenant, { ...filter, ...parseTimeRange(from, to) }, limit, cursor)
      return reply
        .type('application/json')
        .send(formatList('events', page.events.map(formatEvent), page.nextCursor))
    },
  )
  app.get(
    '/v1/events/:id',
    {
      onRequest: async (request) => void authorize(request, 'events:read'),
      schema: {
        tags: ['events'],
        summary: 'One event and what became of it',
        description: 'Where several sources have an event of this id, source says which one is meant.',
        params: EventId,
        querystring: EventSource,
        response: { 200: EventAnswer },
      },
    },
    async (request, reply) => {
      const { tenant } = authorize(request, 'events:read')
      const { id } = request.params as Static<typeof EventId>
      const { source } = request.query as Static<typeof EventSource>
      return reply.type('application/json').send(formatEvent(await deps.events.find(tenant, id, source)))
    },
  )
}
