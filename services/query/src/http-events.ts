import type { FastifyInstance } from 'fastify'
import type { Static } from 'typebox'
import { type EventId, type EventSource, type EventsQuery, getEvent, listEvents } from './describe-events.ts'
import { formatEvent, formatList } from './format-lists.ts'
import type { Authorize, HttpDeps } from './http.ts'
import { listLimits, parseTimeRange } from './list-parameters.ts'
import { sendPage } from './send-compressed.ts'

export function addEventRoutes(app: FastifyInstance, deps: HttpDeps, authorize: Authorize): void {
  app.get(
    '/v1/events',
    {
      onRequest: async (request) => void authorize(request, 'events:read'),
      schema: listEvents,
    },
    async (request, reply) => {
      const reader = authorize(request, 'events:read')
      const query = request.query as Static<typeof EventsQuery>
      const { from, to, limit = listLimits.defaultItems, cursor, ...filter } = query
      const page = await deps.events.list(reader, { ...filter, ...parseTimeRange(from, to) }, limit, cursor)
      return sendPage(request, reply, formatList('events', page.events.map(formatEvent), page.nextCursor))
    },
  )
  app.get(
    '/v1/events/:id',
    {
      onRequest: async (request) => void authorize(request, 'events:read'),
      schema: getEvent,
    },
    async (request, reply) => {
      const reader = authorize(request, 'events:read')
      const { id } = request.params as Static<typeof EventId>
      const { source } = request.query as Static<typeof EventSource>
      return reply.type('application/json').send(formatEvent(await deps.events.find(reader, id, source)))
    },
  )
}
