import { answer, needs, problems } from '@millrace/service-kit/describe-answers'
import { Type } from 'typebox'
import { deliveryStatuses } from './delivery.ts'
import { listParameters } from './list-parameters.ts'

const Status = Type.Enum([...deliveryStatuses], {
  description:
    'pending: not tried yet; retrying: failed, another attempt follows; dead: failed for good; held: kept until it is released. Dead and held ones can be replayed.',
})

export const DeliveriesQuery = Type.Object(
  {
    endpoint: Type.Optional(Type.String({ description: 'Only deliveries to this endpoint.' })),
    postback: Type.Optional(Type.String({ description: 'Only deliveries of this postback, by its id.' })),
    status: Type.Optional(Status),
    event: Type.Optional(Type.String({ description: 'Only deliveries of the event with this id.' })),
    eventType: Type.Optional(Type.String({ description: 'Only deliveries of events of this type.' })),
    ...listParameters,
  },
  { additionalProperties: false },
)

export const DeliveryId = Type.Object({
  id: Type.String({ examples: ['dl_0198c1a3'], description: 'Of the delivery.' }),
})
export const PostbackId = Type.Object({
  id: Type.String({ examples: ['pb_0198c1a2'], description: 'Of the postback.' }),
})
const NoQuery = Type.Object({}, { additionalProperties: false })

const Time = Type.String({ format: 'date-time' })
const Attempt = Type.Object(
  {
    number: Type.Integer({ description: '1 for the first.' }),
    outcome: Type.String({ description: 'delivered, retry, dead or held.' }),
    method: Type.String(),
    url: Type.String({ description: 'As sent, macros filled in.' }),
    startedAt: Time,
    durationMs: Type.Number({ description: 'To the last byte of the response that was read.' }),
    responseCode: Type.Optional(Type.Integer({ description: 'Missing when there was no response.' })),
    responseBody: Type.Optional(Type.String({ description: 'Capped. Not in lists.' })),
    responseBodyTruncated: Type.Optional(Type.Boolean()),
    errorCode: Type.Optional(
      Type.String({
        description:
          'Of a failure without a response: dns, connect, tls, timeout, reset, protocol, forbidden_address, render.',
      }),
    ),
    errorDetail: Type.Optional(Type.String()),
    nextAttemptAt: Type.Optional(Time),
  },
  { title: 'Attempt' },
)

const Transition = Type.Object(
  {
    to: Type.Enum(['held', 'dead', 'redriven'], {
      description: 'redriven: taken up again by a replay; its schedule begins anew.',
    }),
    at: Time,
    reason: Type.Optional(Type.String({ description: 'endpoint_disabled, endpoint_held or endpoint_gone.' })),
    replay: Type.Optional(Type.String({ description: 'Id of the replay that took it up again.' })),
  },
  { title: 'Transition' },
)

const Delivery = Type.Object(
  {
    id: Type.String({ description: 'The receiver sees it as webhook-id, the same in all attempts.' }),
    postbackId: Type.Optional(Type.String()),
    endpoint: Type.Optional(Type.String()),
    event: Type.Optional(
      Type.Object(
        { source: Type.String(), id: Type.String(), type: Type.String() },
        { description: 'That is delivered; a postback has none.' },
      ),
    ),
    status: Status,
    acceptedAt: Time,
    attempts: Type.Array(Attempt, { description: 'Requests that were made.' }),
    transitions: Type.Optional(
      Type.Array(Transition, { description: 'What became of it without a request, where anything has.' }),
    ),
  },
  { title: 'Delivery' },
)

const delivery = {
  id: 'dl_0198c1a3',
  postbackId: 'pb_0198c1a2',
  status: 'delivered',
  acceptedAt: '2026-11-21T09:30:00Z',
  attempts: [
    {
      number: 1,
      outcome: 'delivered',
      method: 'GET',
      url: 'http://sample-domain.example/data?title=Gopher',
      startedAt: '2026-11-21T09:30:00.01Z',
      durationMs: 12.5,
      responseCode: 200,
      responseBody: 'ok',
      responseBodyTruncated: false,
    },
  ],
}

const described = { tags: ['deliveries'], security: needs('deliveries:read') }

/** GET /v1/deliveries. */
export const listDeliveries = {
  ...described,
  operationId: 'listDeliveries',
  summary: 'Deliveries, the latest accepted first',
  description:
    'from and to are of the acceptance. A page may hold fewer than limit; it is the last one without nextCursor.',
  querystring: DeliveriesQuery,
  response: {
    200: answer(
      'A page of deliveries.',
      Type.Object({ deliveries: Type.Array(Delivery), nextCursor: Type.Optional(Type.String()) }),
      { example: { deliveries: [delivery] } },
    ),
    ...problems(400, 503),
  },
}

export const SummaryQuery = Type.Object(
  {
    endpoint: Type.Optional(Type.String({ description: 'Only this one.' })),
    from: listParameters.from,
    to: listParameters.to,
  },
  { additionalProperties: false },
)

const Count = Type.Integer()
const EndpointSummary = Type.Object(
  {
    endpoint: Type.Optional(Type.String({ description: 'Missing for all postbacks together.' })),
    accepted: Count,
    requests: Count,
    delivered: Count,
    failed: Type.Integer({ description: 'Requests that did not deliver.' }),
    unanswered: Type.Integer({ description: 'Those of them that got no response.' }),
    dead: Count,
    held: Count,
    redriven: Type.Integer({ description: 'Taken up again by replays.' }),
    successRate: Type.Optional(Type.Number({ description: 'Of requests; missing without any.' })),
    durationMs: Type.Optional(
      Type.Object(
        { p50: Type.Number(), p90: Type.Number(), p95: Type.Number(), p99: Type.Number() },
        { description: 'Of requests, to one percent; missing without any.' },
      ),
    ),
  },
  { title: 'EndpointSummary' },
)

/** GET /v1/deliveries/summary. */
export const summarizeDeliveries = {
  ...described,
  operationId: 'summarizeDeliveries',
  summary: 'How deliveries go, by endpoint',
  description:
    'Requests and what came of them, by the time of the request: the last hour when nothing is said, in whole minutes; in whole hours when it is more than two days. At most 1,000 endpoints, those with the most requests first.',
  querystring: SummaryQuery,
  response: {
    200: answer(
      'The figures; from and to are what they cover.',
      Type.Object(
        { from: Time, to: Time, endpoints: Type.Array(EndpointSummary) },
        { title: 'DeliverySummary' },
      ),
      {
        example: {
          from: '2026-11-21T09:00:00Z',
          to: '2026-11-21T10:00:00Z',
          endpoints: [
            {
              endpoint: 'partner-a',
              accepted: 1200,
              requests: 1260,
              delivered: 1190,
              failed: 70,
              unanswered: 12,
              dead: 3,
              held: 0,
              redriven: 0,
              successRate: 0.944,
              durationMs: { p50: 31.2, p90: 88, p95: 120.5, p99: 410 },
            },
          ],
        },
      },
    ),
    ...problems(400, 503),
  },
}

/** GET /v1/deliveries/{id}. */
export const getDelivery = {
  ...described,
  operationId: 'getDelivery',
  summary: 'One delivery with its attempts',
  params: DeliveryId,
  querystring: NoQuery,
  response: {
    200: answer('The delivery.', Delivery, { example: delivery }),
    ...problems(400, 404, 503),
  },
}

/** GET /v1/postbacks/{id}. */
export const getPostback = {
  ...described,
  operationId: 'getPostback',
  summary: 'What became of a postback',
  description: 'Holds the first thousand deliveries; /v1/deliveries?postback= has them all.',
  params: PostbackId,
  querystring: NoQuery,
  response: {
    200: answer(
      'The postback.',
      Type.Object(
        {
          id: Type.String(),
          status: Status,
          counts: Type.Record(Type.String(), Type.Integer(), { description: 'Deliveries by status.' }),
          deliveries: Type.Array(Delivery),
        },
        { title: 'Postback' },
      ),
      {
        example: {
          id: 'pb_0198c1a2',
          status: 'delivered',
          counts: { pending: 0, retrying: 0, delivered: 1, dead: 0, held: 0 },
          deliveries: [delivery],
        },
      },
    ),
    ...problems(400, 404, 503),
  },
}
