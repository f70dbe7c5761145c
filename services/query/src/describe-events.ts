import { answer, needs, problems } from '@millrace/service-kit/describe-answers'
import { Type } from 'typebox'
import { listParameters } from './list-parameters.ts'

const Text = (description: string) => Type.Optional(Type.String({ description }))

export const EventsQuery = Type.Object(
  {
    type: Text('Only events of this type.'),
    subject: Text('Only events about this subject.'),
    source: Text('Only events of this source.'),
    status: Type.Optional(
      Type.Enum(['received', 'processed', 'invalid'], {
        description: 'An event that was only received so far is in no list: there are none of those.',
      }),
    ),
    ...listParameters,
  },
  { additionalProperties: false },
)

export const EventId = Type.Object({
  id: Type.String({ description: 'The event’s own id.', examples: ['v-1'] }),
})
export const EventSource = Type.Object(
  { source: Text('The event’s source, where several have an event of this id.') },
  { additionalProperties: false },
)

const Time = Type.String({ format: 'date-time' })
const StoredEvent = Type.Object(
  {
    event: Type.Record(Type.String(), Type.Unknown(), {
      description: 'CloudEvents 1.0 JSON: the event as it was sent, its data digit by digit.',
    }),
    status: Type.Enum(['processed', 'invalid']),
    reason: Type.Optional(Type.String({ description: 'Why it is invalid.' })),
    pointer: Type.Optional(Type.String({ description: 'JSON Pointer to the fault in the data.' })),
    receivedAt: Time,
    storedAt: Time,
    application: Type.String({ description: 'Of the key that it was sent with.' }),
    schemaVersion: Type.Integer({ description: 'Version of the event type; 0 when there was none.' }),
    settlement: Type.Optional(
      Type.Object(
        {
          reference: Type.String(),
          settledAt: Time,
          by: Type.String({ description: 'Application of the key that told of it.' }),
        },
        { description: 'The event’s amount has been paid out.' },
      ),
    ),
    retraction: Type.Optional(
      Type.Object(
        {
          retractedAt: Time,
          by: Type.String({ description: 'Application of the key that withdrew it.' }),
          erased: Type.Boolean({
            description: 'The event’s data is gone too; what is left are its name, type and time.',
          }),
        },
        { description: 'The event is withdrawn: it counts in no report.' },
      ),
    ),
  },
  { title: 'StoredEvent' },
)

const stored = {
  event: {
    specversion: '1.0',
    id: 'v-1',
    source: '/shop',
    type: 'visit.recorded',
    time: '2026-11-21T09:30:00.123456Z',
    data: { path: '/pricing' },
  },
  status: 'processed',
  receivedAt: '2026-11-21T09:30:00.2Z',
  storedAt: '2026-11-21T09:30:00.5Z',
  application: 'web-shop',
  schemaVersion: 1,
}

const described = { tags: ['events'], security: needs('events:read') }

/** GET /v1/events. */
export const listEvents = {
  ...described,
  operationId: 'listEvents',
  summary: 'Events, the latest received first',
  description: 'from and to are of the events’ own time.',
  querystring: EventsQuery,
  response: {
    200: answer(
      'A page of events.',
      Type.Object({ events: Type.Array(StoredEvent), nextCursor: Type.Optional(Type.String()) }),
      { example: { events: [stored] } },
    ),
    ...problems(400, 503),
  },
}

/** GET /v1/events/{id}. */
export const getEvent = {
  ...described,
  operationId: 'getEvent',
  summary: 'One event and what became of it',
  description: 'Where several sources have an event of this id, source says which one is meant.',
  params: EventId,
  querystring: EventSource,
  response: {
    200: answer('The event.', StoredEvent, { example: stored }),
    ...problems(400, 404, 409, 503),
  },
}
