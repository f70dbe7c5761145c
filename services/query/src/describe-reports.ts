import { answer, emptyAnswer, needs, problems } from '@millrace/service-kit/describe-answers'
import { Type } from 'typebox'
import { reportLimits } from './report-limits.ts'
import { windowNames } from './report-query.ts'

const TextList = Type.Union([Type.String(), Type.Array(Type.String())])
const Time = Type.String({ format: 'date-time', description: 'RFC 3339, up to microseconds.' })
const Names = (description: string, example: string) =>
  Type.Optional({ ...TextList, description, examples: [example] } as unknown as typeof TextList)

const common = {
  from: Type.Optional({
    ...Time,
    description: 'Begin of the range. The beginning of time, when it is missing.',
    examples: ['2026-11-01T00:00:00Z'],
  } as typeof Time),
  to: Type.Optional({
    ...Time,
    description: 'End of the range, not included. Now, when it is missing.',
  } as typeof Time),
  window: Type.Optional(
    Type.Enum([...windowNames], { description: 'One row for each; default total.', examples: ['day'] }),
  ),
  timezone: Type.Optional(
    Type.String({
      description: 'IANA time zone of the windows; default UTC.',
      examples: ['Europe/Stockholm'],
    }),
  ),
  limit: Type.Optional(
    Type.Integer({
      minimum: 1,
      maximum: reportLimits.maxRows,
      description: `Rows of a page; default ${reportLimits.defaultRows}.`,
    }),
  ),
  cursor: Type.Optional(Type.String({ maxLength: 8_192, description: 'nextCursor of the page before.' })),
  fill: Type.Optional(Type.Boolean({ description: 'Rows also for windows without events; needs from.' })),
  numbers: Type.Optional(
    Type.Enum(['number', 'string'], {
      description: '"string" quotes values, for readers whose numbers would round them.',
    }),
  ),
  groupBy: Names('Dimensions of the meter, comma-separated: one row for each combination of values.', 'page'),
  order: Names(
    'windowStart, value or a dimension that is grouped by; a leading "-" turns it round.',
    '-value',
  ),
}

export const ReportQuerystring = Type.Object(common, {
  additionalProperties: false,
  patternProperties: { '^filter\\.': TextList },
})

export const ReportBody = Type.Object(
  {
    ...common,
    filter: Type.Optional(
      Type.Record(Type.String(), Type.Array(Type.String()), {
        description: 'Values by dimension; a row has one of them.',
      }),
    ),
  },
  {
    title: 'ReportRequest',
    additionalProperties: false,
    examples: [{ window: 'day', groupBy: ['page'], filter: { page: ['/pricing', '/'] }, order: '-value' }],
  },
)

const Report = Type.Object(
  {
    meter: Type.String(),
    window: Type.Enum([...windowNames]),
    from: Time,
    to: Time,
    timezone: Type.String(),
    generatedAt: Time,
    dataThrough: Type.String({
      format: 'date-time',
      description: 'All events received before it are included. The epoch as long as there is a backfill.',
    }),
    backfill: Type.Optional(
      Type.Object(
        {
          done: Type.Literal(false),
          progress: Type.Number({ minimum: 0, maximum: 1, description: 'Share of them that is counted.' }),
        },
        {
          title: 'Backfill',
          description: 'Present as long as events from before the meter are still being counted.',
        },
      ),
    ),
    rows: Type.Array(
      Type.Object(
        {
          windowStart: Time,
          windowEnd: Time,
          group: Type.Record(Type.String(), Type.String(), {
            description: 'Values of the dimensions in groupBy.',
          }),
          value: Type.Union([Type.Number(), Type.String(), Type.Null()], {
            description: 'With all its digits; null where there is nothing to aggregate.',
          }),
        },
        { title: 'ReportRow' },
      ),
    ),
    nextCursor: Type.Optional(Type.String({ description: 'There are more rows.' })),
  },
  { title: 'Report' },
)

const example = {
  meter: 'visits',
  window: 'day',
  from: '2026-11-21T00:00:00Z',
  to: '2026-11-22T00:00:00Z',
  timezone: 'UTC',
  generatedAt: '2026-11-21T09:30:00.123Z',
  dataThrough: '2026-11-21T09:29:59.98Z',
  rows: [
    {
      windowStart: '2026-11-21T00:00:00Z',
      windowEnd: '2026-11-22T00:00:00Z',
      group: { page: '/pricing' },
      value: 1,
    },
  ],
}

const etag = { type: 'string', description: 'Equal as long as the rows are.' }

const answers = {
  200: answer('The rows.', Report, {
    example,
    headers: {
      etag,
      'x-millrace-stale': {
        type: 'string',
        description:
          '"true" when ClickHouse does not answer and these rows were kept from before; dataThrough tells from when.',
      },
      'x-next-cursor': {
        type: 'string',
        description: 'With text/csv: nextCursor, while there are more rows.',
      },
    },
    others: {
      'text/csv': {
        schema: { type: 'string', description: 'RFC 4180, with a line of names.' },
        example:
          'windowStart,windowEnd,page,value\r\n2026-11-21T00:00:00Z,2026-11-22T00:00:00Z,/pricing,1\r\n',
      },
    },
  }),
  304: emptyAnswer('if-none-match holds the ETag: the rows are what they were.', { etag }),
}

const MeterName = Type.Object({
  meter: Type.String({ description: 'Name of the meter.', examples: ['visits'] }),
})
const headers = Type.Object({
  'if-none-match': Type.Optional(Type.String({ description: 'ETags of answers that the caller has.' })),
})

const described = { tags: ['reports'], security: needs('reports:read'), params: MeterName, headers }

/** GET /v1/reports/{meter}. */
export const getReport = {
  ...described,
  operationId: 'getReport',
  summary: 'A meter over a time range',
  description:
    'Rows by window and group. `accept: text/csv` gives CSV. A report says through which moment it is complete.',
  querystring: ReportQuerystring,
  response: { ...answers, ...problems(400, 404, 406, 503) },
  // Any number of parameters whose names begin with "filter.": an object whose members are parameters of their own.
  'x-parameters': [
    {
      name: 'filters',
      in: 'query',
      description: '`filter.<dimension>=a,b`: only readings with one of these values.',
      style: 'form',
      explode: true,
      schema: { type: 'object', additionalProperties: { type: 'string' } },
      example: { 'filter.page': '/pricing,/' },
    },
  ],
}

/** POST /v1/reports/{meter}. */
export const queryReport = {
  ...described,
  operationId: 'queryReport',
  summary: 'The same, for long lists',
  description: 'Takes the parameters as JSON.',
  body: ReportBody,
  response: { ...answers, ...problems(400, 404, 406, 413, 415, 503) },
}

/** GET /v1/reports/{meter}/live. */
export const watchReport = {
  operationId: 'watchReport',
  tags: ['reports'],
  summary: 'The last minutes by second, as server-sent events',
  description:
    'Events of type `live` several times a second. The first one, and each with `"reset": true`, is complete; the others hold the seconds that changed. A reader that is too slow is left behind and then gets a complete one; so does one that comes back with last-event-id.',
  security: needs('reports:read'),
  params: MeterName,
  querystring: Type.Object({}, { additionalProperties: false }),
  response: {
    200: {
      description: 'The stream; it ends when the meter is changed or deleted.',
      content: {
        'text/event-stream': {
          schema: Type.String(),
          example:
            'id: 1\nevent: live\ndata: {"meter":"visits","aggregation":"count","asOf":"2026-11-21T09:30:00Z","generatedAt":"2026-11-21T09:30:00.1Z","reset":true,"sources":1,"dimensions":["page"],"seconds":[],"totals":{"value":0,"perSecond":0},"top":[]}\n\n',
        },
      },
    },
    ...problems(400, 404, 503),
  },
}
