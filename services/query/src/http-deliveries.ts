import type { FastifyInstance } from 'fastify'
import type { Static } from 'typebox'
import {
  type DeliveriesQuery,
  type DeliveryId,
  getDelivery,
  getPostback,
  listDeliveries,
  type PostbackId,
  type SummaryQuery,
  summarizeDeliveries,
} from './describe-deliveries.ts'
import { formatDelivery, formatList, formatPostback, formatSummary } from './format-lists.ts'
import type { Authorize, HttpDeps } from './http.ts'
import { listLimits, parseTimeRange } from './list-parameters.ts'
import { sendPage } from './send-compressed.ts'

export function addDeliveryRoutes(app: FastifyInstance, deps: HttpDeps, authorize: Authorize): void {
  const onRequest = async (request: Parameters<Authorize>[0]): Promise<void> => {
    authorize(request, 'deliveries:read')
  }
  app.get(
    '/v1/deliveries',
    {
      onRequest,
      schema: listDeliveries,
    },
    async (request, reply) => {
      const reader = authorize(request, 'deliveries:read')
      const query = request.query as Static<typeof DeliveriesQuery>
      const { from, to, limit = listLimits.defaultItems, cursor, ...filter } = query
      const page = await deps.deliveries.list(
        reader,
        { ...filter, ...parseTimeRange(from, to) },
        limit,
        cursor,
      )
      const items = page.deliveries.map((delivery) => formatDelivery(delivery, false))
      return sendPage(request, reply, formatList('deliveries', items, page.nextCursor))
    },
  )
  app.get('/v1/deliveries/summary', { onRequest, schema: summarizeDeliveries }, async (request, reply) => {
    const reader = authorize(request, 'deliveries:read')
    const { endpoint, from, to } = request.query as Static<typeof SummaryQuery>
    const range = parseTimeRange(from, to)
    const summary = await deps.deliverySummaries.summarize(reader, { endpoint, ...range })
    return reply.type('application/json').send(formatSummary(summary))
  })
  app.get(
    '/v1/deliveries/:id',
    {
      onRequest,
      schema: getDelivery,
    },
    async (request, reply) => {
      const reader = authorize(request, 'deliveries:read')
      const { id } = request.params as Static<typeof DeliveryId>
      const delivery = await deps.deliveries.find(reader, id)
      return reply.type('application/json').send(formatDelivery(delivery, true))
    },
  )
  app.get(
    '/v1/postbacks/:id',
    {
      onRequest,
      schema: getPostback,
    },
    async (request, reply) => {
      const reader = authorize(request, 'deliveries:read')
      const { id } = request.params as Static<typeof PostbackId>
      return reply
        .type('application/json')
        .send(formatPostback(await deps.deliveries.findPostback(reader, id)))
    },
  )
}
