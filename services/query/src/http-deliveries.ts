import type { FastifyInstance } from 'fastify'
import { type Static, Type } from 'typebox'
import { formatDelivery, formatList, formatPostback } from './format-lists.ts'
import type { Authorize, HttpDeps } from './http.ts'
import { deliveryStatuses } from './list-deliveries.ts'
import { listLimits, listParameters, parseTimeRange } from './list-parameters.ts'

const Status = Type.Enum([...deliveryStatuses])

const DeliveriesQuery = Type.Object(
  {
    endpoint: Type.Optional(Type.String()),
    postback: Type.Optional(Type.String()),
    status: Type.Optional(Status),
    ...listParameters,
  },
  { additionalProperties: false },
)

const Id = Type.Object({ id: Type.String() })
const NoQuery = Type.Object({}, { additionalProperties: false })

const AttemptAnswer = Type.Object({
  number: Type.Integer(),
  outcome: Type.String(),
  method: Type.String(),
  url: Type.String(),
  startedAt: Type.String(),
  durationMs: Type.Number(),
  responseCode: Type.Optional(Type.Integer()),
  responseBody: Type.Optional(Type.String({ description: 'not in lists' })),
  responseBodyTruncated: Type.Optional(Type.Boolean()),
  errorCode: Type.Optional(Type.String()),
  errorDetail: Type.Optional(Type.String()),
  nextAttemptAt: Type.Optional(Type.String()),
})

const DeliveryAnswer = Type.Object({
  id: Type.String(),
  postbackId: Type.Optional(Type.String()),
  endpoint: Type.Optional(Type.String()),
  status: Status,
  acceptedAt: Type.String(),
  attempts: Type.Array(AttemptAnswer),
})

export function addDeliveryRoutes(app: FastifyInstance, deps: HttpDeps, authorize: Authorize): void {
  const onRequest = async (request: Parameters<Authorize>[0]): Promise<void> => {
    authorize(request, 'deliveries:read')
  }
  app.get(
    '/v1/deliveries',
    {
      onRequest,
      schema: {
        tags: ['deliveries'],
        summary: 'Deliveries, the latest accepted first',
        description: 'from and to are of the acceptance.',
        querystring: DeliveriesQuery,
        response: {
          200: Type.Object({
            deliveries: Type.Array(DeliveryAnswer),
            nextCursor: Type.Optional(Type.String()),
          }),
        },
      },
    },
    async (request, reply) => {
      const { tenant } = authorize(request, 'deliveries:read')
      const query = request.query as Static<typeof DeliveriesQuery>
      const { from, to, limit = listLimits.defaultItems, cursor, ...filter } = query
      const page = await deps.deliveries.list(
        tenant,
        { ...filter, ...parseTimeRange(from, to) },
        limit,
        cursor,
      )
      const items = page.deliveries.map((delivery) => formatDelivery(delivery, false))
      return reply.type('application/json').send(formatList('deliveries', items, page.nextCursor))
    },
  )
  app.get(
    '/v1/deliveries/:id',
    {
      onRequest,
      schema: {
        tags: ['deliveries'],
        summary: 'One delivery with its attempts',
        params: Id,
        querystring: NoQuery,
        response: { 200: DeliveryAnswer },
      },
    },
    async (request, reply) => {
      const { tenant } = authorize(request, 'deliveries:read')
      const { id } = request.params as Static<typeof Id>
      const delivery = await deps.deliveries.find(tenant, id)
      return reply.type('application/json').send(formatDelivery(delivery, true))
    },
  )
  app.get(
    '/v1/postbacks/:id',
    {
      onRequest,
      schema: {
        tags: ['deliveries'],
        summary: 'What became of a postback',
        description: 'Holds the first thousand deliveries; /v1/deliveries?postback= has them all.',
        params: Id,
        querystring: NoQuery,
        response: {
          200: Type.Object({
            id: Type.String(),
            status: Status,
            counts: Type.Record(Type.String(), Type.Integer()),
            deliveries: Type.Array(DeliveryAnswer),
          }),
        },
      },
    },
    async (request, reply) => {
      const { tenant } = authorize(request, 'deliveries:read')
      const { id } = request.params as Static<typeof Id>
      return reply
        .type('application/json')
        .send(formatPostback(await deps.deliveries.findPostback(tenant, id)))
    },
  )
}
