import { DeliveryReplay, EventReplay } from '@millrace/catalog/replay-resource'
import { putSchemas, shownSchemas } from '@millrace/catalog/shown-schemas'
import { answer, needs, problems } from '@millrace/service-kit/describe-answers'
import { etag, putDescription, resourceNouns, writtenExample } from './describe-catalog.ts'

const visitRecorded = {
  description: 'a page was visited',
  schema: { type: 'object', required: ['path'], properties: { path: { type: 'string' } } },
  validation: 'after',
  maxAge: 'PT12H',
  retention: 'P5Y',
  rates: [],
}
const xRay = { rates: [{ effectiveFrom: '2017-01-01T00:00:00Z', amountMinor: 50_000, currency: 'SEK' }] }

const visits = { eventTypes: ['visit.recorded'], aggregation: 'count', groupBy: { page: '/data/path' } }
const orderValue = {
  eventTypes: ['order.paid'],
  aggregation: 'sum',
  value: '/data/amount',
  groupBy: { shop: '/subject' },
  filter: { exact: { source: 'shop' } },
}

const jsonBody = (schema: object) => ({ content: { 'application/json': { schema } } })

/** PUT /v1/event-types/{name}. */
export const putEventType = {
  ...putDescription(resourceNouns.eventType),
  description:
    'The schema is JSON Schema 2020-12. What could take too long to check is refused: the documentation of ingest lists the limits. Patterns run on an engine without look-arounds and back-references.',
  body: jsonBody({
    ...putSchemas['event-type'],
    'x-examples': {
      'visit.recorded': { summary: 'With a schema', value: visitRecorded },
      'care.x-ray': { summary: 'With a rate', value: xRay },
    },
  }),
  response: {
    200: answer('Changed, or as it was.', shownSchemas['event-type'], {
      headers: etag,
    }),
    201: answer('Created.', shownSchemas['event-type'], {
      headers: etag,
      example: { name: 'care.x-ray', ...xRay, ...writtenExample },
    }),
    ...problems(400, 409, 412, 413, 415, 503),
  },
}

/** PUT /v1/meters/{name}. */
export const putMeter = {
  ...putDescription(resourceNouns.meter),
  description:
    'A meter that is new, or has changed, is filled from the events that are stored. `amount` sums the rates of its event types; events of types without rates add nothing to it.',
  body: jsonBody({
    ...putSchemas.meter,
    'x-examples': {
      visits: { summary: 'Counts by page', value: visits },
      'order-value': { summary: 'Sums by shop, of one source', value: orderValue },
    },
  }),
  response: {
    200: answer('Changed, or as it was.', shownSchemas.meter, {
      headers: etag,
    }),
    201: answer('Created.', shownSchemas.meter, {
      headers: etag,
      example: { name: 'visits', ...visits, ...writtenExample },
    }),
    ...problems(400, 409, 412, 413, 415, 503),
  },
}

/** PUT /v1/settings. */
export const putSettings = {
  operationId: 'putSettings',
  tags: ['catalog'],
  summary: 'Changes what holds for the whole tenant',
  security: needs('catalog:write'),
  body: jsonBody({
    ...putSchemas.settings,
    'x-examples': {
      accept: {
        summary: 'Events of types that nobody has registered are taken',
        value: { unknownEventTypes: 'accept' },
      },
    },
  }),
  response: {
    200: answer('Changed, or as it was.', shownSchemas.settings, {
      headers: etag,
      example: { unknownEventTypes: 'refuse', ...writtenExample },
    }),
    ...problems(400, 412, 413, 415, 503),
  },
}

const invalidVisits = {
  what: 'events',
  filter: { status: 'invalid', eventType: 'visit.recorded', from: '2026-01-01T00:00:00Z' },
  ratePerSecond: 500,
}
const deadDeliveries = { what: 'deliveries', filter: { status: 'dead', endpoint: 'partner-a' } }

/** POST /v1/replays. */
export const postReplays = {
  operationId: 'startReplay',
  tags: ['replays'],
  summary: 'Re-drives what a filter selects',
  description:
    'Invalid events are judged again by the catalog as it is now, dead and held deliveries are tried again. `from` and `to` are times of receipt, half-open. What a key is constrained to goes with the replay. Replaying `deliveries` needs the scope `deliveries:replay`; replaying `events` is writing them once more and needs `events:write`.',
  security: [...needs('deliveries:replay'), ...needs('events:write')],
  body: jsonBody({
    anyOf: [
      { ...EventReplay, title: 'EventReplay' },
      { ...DeliveryReplay, title: 'DeliveryReplay' },
    ],
    'x-examples': {
      events: { summary: 'Invalid events, after their schema was corrected', value: invalidVisits },
      deliveries: { summary: 'Dead deliveries to an endpoint', value: deadDeliveries },
    },
  }),
  response: {
    202: answer('Accepted; its progress is read under /v1/replays.', shownSchemas.replay, {
      headers: etag,
      example: {
        id: 'rep_0198c1a2',
        ...invalidVisits,
        status: 'accepted',
        requestedAt: writtenExample.updatedAt,
        ...writtenExample,
      },
    }),
    ...problems(400, 413, 415, 503),
  },
}
