import { answer, needs, problems } from '@millrace/service-kit/describe-answers'
import { Type } from 'typebox'

const attributes = {
  id: Type.String({
    minLength: 1,
    maxLength: 4_096,
    description: 'With source, names the event: a repeat counts once.',
  }),
  source: Type.String({ minLength: 1, maxLength: 4_096, description: 'URI reference: where it happened.' }),
  specversion: Type.String({ const: '1.0' }),
  type: Type.String({ minLength: 1, maxLength: 4_096, description: 'What happened, such as order.paid.' }),
  subject: Type.Optional(
    Type.String({ minLength: 1, maxLength: 4_096, description: 'Whom or what it is about.' }),
  ),
  time: Type.Optional(
    Type.String({
      format: 'date-time',
      description: 'When it happened, up to microseconds. Now, when it is missing.',
    }),
  ),
  datacontenttype: Type.Optional(
    Type.String({ description: 'Media type of data; JSON when it is missing.' }),
  ),
  dataschema: Type.Optional(Type.String({ description: 'URI of the schema that the sender has in mind.' })),
  data: Type.Optional(Type.Unknown({ description: 'Kept digit by digit.' })),
  data_base64: Type.Optional(Type.String({ description: 'Instead of data, for what is not text.' })),
}

/** Extension attributes: lower-case letters and digits, and values of CloudEvents' types. */
const extensions = Type.Union([Type.String(), Type.Integer(), Type.Boolean()])

const CloudEvent = Type.Object(attributes, {
  title: 'CloudEvent',
  description: 'CloudEvents 1.0. Other members are extension attributes: lower-case letters and digits.',
  additionalProperties: extensions,
})

const { id, source, specversion, ...others } = attributes
const PlainEvent = Type.Object(
  {
    id: Type.Optional(id),
    source: Type.Optional(source),
    specversion: Type.Optional(specversion),
    ...others,
  },
  {
    title: 'PlainEvent',
    description:
      'A CloudEvent whose id, time, source (from the key’s application) and specversion are filled in where they are missing.',
    additionalProperties: extensions,
  },
)

const Accepted = Type.Object(
  {
    accepted: Type.Integer({ minimum: 1 }),
    ids: Type.Array(Type.String(), { description: 'In the order of the request.' }),
    stored: Type.Optional(
      Type.Boolean({
        description: 'With wait=stored: whether they can be queried. They are kept in any case.',
      }),
    ),
  },
  { title: 'AcceptedEvents' },
)

const querystring = Type.Object({
  wait: Type.Optional(
    Type.String({ enum: ['stored'], description: 'Answers only once the events can be queried.' }),
  ),
})

const visit = {
  specversion: '1.0',
  id: 'v-1',
  source: '/shop',
  type: 'visit.recorded',
  subject: 'customer-7',
  data: { path: '/pricing' },
}
const order = {
  specversion: '1.0',
  id: 'o-1',
  source: '/shop',
  type: 'order.paid',
  subject: 'eu/7',
  time: '2026-11-21T09:30:00.123456Z',
  data: { amount: 129.9, currency: 'SEK' },
}

/** A schema with examples for the media type that it stands in. */
function shown<Schema extends object>(
  schema: Schema,
  examples: Readonly<Record<string, { summary: string; value: unknown }>>,
): { schema: Schema } {
  return { schema: { ...schema, 'x-examples': examples } }
}

const body = {
  content: {
    'application/cloudevents+json': shown(CloudEvent, {
      visit: { summary: 'A visit of a page', value: visit },
    }),
    'application/cloudevents-batch+json': shown(Type.Array(CloudEvent, { minItems: 1 }), {
      batch: { summary: 'Two events, accepted together or not at all', value: [visit, order] },
    }),
    'application/json': shown(Type.Union([PlainEvent, Type.Array(PlainEvent, { minItems: 1 })]), {
      plain: {
        summary: 'The rest is filled in',
        value: { type: 'visit.recorded', data: { path: '/pricing' } },
      },
      list: {
        summary: 'Several',
        value: [{ type: 'visit.recorded', data: { path: '/' } }, { type: 'order.paid' }],
      },
    }),
    'application/x-ndjson': shown(Type.String({ description: 'A PlainEvent in each line.' }), {
      lines: {
        summary: 'One event in each line',
        value:
          '{"type":"visit.recorded","data":{"path":"/"}}\n{"type":"visit.recorded","data":{"path":"/pricing"}}\n',
      },
    }),
    '*/*': {
      schema: Type.Unknown({
        description: 'Binary mode: the body is the data, the attributes are ce- headers.',
      }),
    },
  },
}

const headers = Type.Object({
  traceparent: Type.Optional(
    Type.String({ description: 'W3C trace context; the event’s journey continues the trace.' }),
  ),
  'content-encoding': Type.Optional(Type.String({ description: 'gzip, br or zstd.' })),
  prefer: Type.Optional(
    Type.String({ description: 'wait=<seconds> (RFC 7240) shortens the time that the answer may take.' }),
  ),
  'ce-id': Type.Optional(
    Type.String({ description: 'Binary mode: the attribute id. The other attributes alike.' }),
  ),
  'ce-source': Type.Optional(Type.String({ description: 'Binary mode.' })),
  'ce-specversion': Type.Optional(Type.String({ description: 'Binary mode.', const: '1.0' })),
  'ce-type': Type.Optional(Type.String({ description: 'Binary mode.' })),
})

/** POST /v1/events. */
export const postEvents = {
  operationId: 'sendEvents',
  tags: ['events'],
  summary: 'Accepts one event or a batch, whole or not at all',
  description: `CloudEvents 1.0: structured, batched, or in binary mode with \`ce-\` headers. In application/json and application/x-ndjson a missing id, time, source and specversion is filled in.

Answered once Kafka has confirmed the events on all in-sync replicas. Sent again with the same source and id, an event still counts once.`,
  security: needs('events:write'),
  querystring,
  headers,
  body,
  response: {
    200: answer('With wait=stored: all events are kept and can be queried.', Accepted, {
      example: { accepted: 1, ids: ['v-1'], stored: true },
    }),
    202: answer('All events are kept.', Accepted, { example: { accepted: 1, ids: ['v-1'] } }),
    ...problems(400, 413, 415, 503),
  },
}
