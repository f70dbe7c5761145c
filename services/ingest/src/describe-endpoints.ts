import { putSchemas, shownOnce, shownSchemas } from '@millrace/catalog/shown-schemas'
import { answer, needs, problems } from '@millrace/service-kit/describe-answers'
import { Type } from 'typebox'
import { etag, putDescription, resourceAddress, resourceNouns, writtenExample } from './describe-catalog.ts'

const partner = {
  url: 'https://partner.example/hook',
  method: 'POST',
  eventTypes: ['order.paid'],
  filter: { all: [{ prefix: { subject: 'eu/' } }] },
  headers: { 'x-team': 'eu' },
  retry: 'webhook',
  rateLimit: { perSecond: 50 },
  concurrency: 8,
  timeoutMs: 10_000,
  enabled: true,
}

const secret = Type.String({
  pattern: '^whsec_',
  description: 'Signs deliveries (Standard Webhooks). It is shown in this answer only.',
})

const Shown = shownSchemas.endpoint
const ShownOnce = shownOnce('EndpointWithSecret', 'endpoint', { secret })
const secretExample = 'whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw'

/** PUT /v1/endpoints/{name}. */
export const putEndpoint = {
  ...putDescription(resourceNouns.endpoint),
  description:
    'A receiver of the events whose type is among `eventTypes` (all without it; in their patterns `*` stands for any run of characters) and that pass the filter. A change keeps the signing secret; only the creation shows it.',
  body: {
    content: {
      'application/json': {
        schema: {
          ...putSchemas.endpoint,
          'x-examples': { 'partner-a': { summary: 'Paid orders of Europe', value: partner } },
        },
      },
    },
  },
  response: {
    200: answer('Changed, or as it was.', Shown, { headers: etag }),
    201: answer('Created.', ShownOnce, {
      headers: etag,
      example: { name: 'partner-a', ...partner, ...writtenExample, secret: secretExample },
    }),
    ...problems(400, 409, 412, 413, 415, 503),
  },
}

/** POST /v1/endpoints/{name}/secret. */
export const postSecret = {
  operationId: 'rotateEndpointSecret',
  tags: ['catalog'],
  summary: 'Gives an endpoint a new signing secret',
  description:
    'The former one stays valid for 24 hours: until then deliveries are signed with both. At most five are valid at a time.',
  security: needs('catalog:write'),
  ...resourceAddress(resourceNouns.endpoint),
  response: {
    200: answer('Rotated.', ShownOnce, {
      headers: etag,
      example: { name: 'partner-a', ...partner, ...writtenExample, version: 2, secret: secretExample },
    }),
    ...problems(400, 404, 409, 412, 503),
  },
}

/** POST /v1/endpoints/{name}/test. */
export const postTest = {
  operationId: 'testEndpoint',
  tags: ['catalog'],
  summary: 'Sends an endpoint a test event',
  description:
    'A CloudEvent of the type millrace.endpoint.test, as a delivery like any other, whatever the endpoint’s event types and filter say. 409 when the endpoint is disabled.',
  security: needs('catalog:write'),
  params: resourceAddress(resourceNouns.endpoint).params,
  response: {
    202: answer(
      'The delivery is kept; /v1/deliveries/{id} tells what became of it.',
      Type.Object({ id: Type.String(), deliveries: Type.Array(Type.Object({ id: Type.String() })) }),
      { example: { id: 'dl_0198c1a3', deliveries: [{ id: 'dl_0198c1a3' }] } },
    ),
    ...problems(400, 404, 409, 503),
  },
}
