import { answer, needs, problems } from '@millrace/service-kit/describe-answers'
import { Type } from 'typebox'
import { PostbackRequest } from './postback-request.ts'

const Accepted = Type.Object(
  {
    id: Type.String({ description: 'Of the postback; GET /v1/postbacks/{id} tells what became of it.' }),
    deliveries: Type.Array(Type.Object({ id: Type.String() }), {
      description: 'One for each data object, in their order; receivers see the id as webhook-id.',
    }),
  },
  { title: 'AcceptedPostback' },
)

const mascot = {
  endpoint: {
    method: 'GET',
    url: 'http://sample-domain.example/data?title={mascot}&image={location}&foo={bar}',
  },
  data: [{ mascot: 'Gopher', location: 'https://blog.example/gopher.png' }],
  defaults: { bar: '' },
}
const purchase = {
  endpoint: {
    method: 'POST',
    url: 'https://partner.example/conversions/{order.id}',
    headers: { 'x-team': 'eu' },
    body: '{"paid": "{order.amount}"}',
  },
  data: [{ order: { id: 'o-1', amount: '129.90' } }, { order: { id: 'o-2', amount: '10.00' } }],
  retry: '5xx-only',
}

/** POST /v1/postbacks. */
export const postPostbacks = {
  operationId: 'sendPostback',
  tags: ['postbacks'],
  summary: 'Accepts a postback: one HTTP request to a third party for each data object',
  description: `Each \`{key}\` in the URL and in the body’s template is replaced once by the escaped value of that key; nested keys have dots. A key that the data object does not have takes its default, then the empty text. Macros cannot stand in scheme, host or port.

Answered once Kafka has confirmed all deliveries. A failed delivery is tried again: \`webhook\` (the default: 8 attempts over about a day), \`5xx-only\` (5 attempts, 15 minutes apart; any 4xx but 408 and 429 ends it) or your own delays.`,
  security: needs('postbacks:write'),
  body: {
    content: {
      'application/json': {
        schema: {
          ...PostbackRequest,
          title: 'PostbackRequest',
          'x-examples': {
            mascot: { summary: 'A GET with macros', value: mascot },
            purchase: { summary: 'Two POSTs with a body of their own', value: purchase },
          },
        },
      },
    },
  },
  response: {
    202: answer('All deliveries are kept.', Accepted, {
      example: { id: 'pb_0198c1a2', deliveries: [{ id: 'dl_0198c1a3' }] },
    }),
    ...problems(400, 413, 415, 503),
  },
}

/** POST /postback. */
export const postPostbackAlias = {
  ...postPostbacks,
  operationId: 'sendPostbackAlias',
  summary: 'The same as POST /v1/postbacks',
  description: 'An older address of POST /v1/postbacks.',
}
