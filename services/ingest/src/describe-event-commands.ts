import { answer, needs, problems } from '@millrace/service-kit/describe-answers'
import { Type } from 'typebox'
import { SettlementRequest } from './read-settlement.ts'

const params = Type.Object({
  id: Type.String({ description: 'Of the event, percent-encoded.', examples: ['o-1'] }),
})
const source = Type.String({
  description: 'Of the event: with its id it names the event.',
  examples: ['/shop'],
})
const target = { id: Type.String(), source: Type.String() }

const paid = { reference: 'payroll 2026-01', settledAt: '2026-01-31T12:00:00Z' }

/** POST /v1/events/{id}/settlement. */
export const postSettlement = {
  operationId: 'settleEvent',
  tags: ['events'],
  summary: 'Marks an event’s amount as settled',
  description:
    'Doing it twice changes nothing: the first settlement stays. Accepted means kept; whether there is such an event is seen under /v1/events/{id}. A key that is constrained to types or subjects settles events within them only.',
  security: needs('events:settle'),
  params,
  querystring: Type.Object({ source }),
  body: {
    content: {
      'application/json': {
        schema: {
          ...SettlementRequest,
          'x-examples': { paid: { summary: 'Paid with a payroll', value: paid } },
        },
      },
    },
  },
  response: {
    202: answer(
      'The settlement is kept.',
      Type.Object({ ...target, reference: Type.String(), settledAt: Type.String({ format: 'date-time' }) }),
      { example: { id: 'o-1', source: '/shop', ...paid } },
    ),
    ...problems(400, 413, 415, 503),
  },
}

/** DELETE /v1/events/{id}. */
export const deleteEvent = {
  operationId: 'retractEvent',
  tags: ['events'],
  summary: 'Retracts an event',
  description:
    'The event leaves every report; that it was retracted, when and by whom stays visible. With `erase=true` its data is erased too: from ClickHouse at once, from Kafka by the time that the answer names. A key that is constrained to types or subjects retracts events within them only.',
  security: needs('events:retract'),
  params,
  querystring: Type.Object({
    source,
    erase: Type.Optional(Type.Boolean({ description: 'Default false.' })),
  }),
  response: {
    202: answer(
      'The retraction is kept.',
      Type.Object({
        ...target,
        retractedAt: Type.String({ format: 'date-time' }),
        erase: Type.Boolean(),
        erasedFromKafkaBy: Type.Optional(
          Type.String({ format: 'date-time', description: 'When Kafka’s copy is gone for certain.' }),
        ),
      }),
      {
        example: {
          id: 'o-1',
          source: '/shop',
          retractedAt: '2026-01-31T12:00:00Z',
          erase: true,
          erasedFromKafkaBy: '2026-02-08T13:00:00Z',
        },
      },
    ),
    ...problems(400, 503),
  },
}
