import type { ServiceError } from '@millrace/service-kit/errors'
import t from 'tap'
import { createCursorCodec } from '../src/cursor.ts'
import {
  parseReportParameters,
  type ReportParameters,
  toReportMeter,
} from '../src/parse-report-parameters.ts'
import { reportLimits } from '../src/report-limits.ts'
import { meter } from './report-fixtures.ts'

const cursors = createCursorCodec('a-root-key-of-tests')
const now = Date.UTC(2026, 5, 1) * 1_000
const parse = (parameters: ReportParameters) => parseReportParameters(parameters, meter, now, cursors)

function faultOf(parameters: ReportParameters): ServiceError {
  try {
    parse(parameters)
  } catch (error) {
    return error as ServiceError
  }
  throw new Error('nothing was wrong')
}

t.test('without parameters a report is one row over all time until now', async (t) => {
  t.match(parse({}).query, {
    fromUs: 0,
    toUs: now,
    window: 'total',
    timezone: 'UTC',
    groupBy: [],
    filter: [],
    limit: reportLimits.defaultRows,
    fill: false,
    order: [{ field: 'windowStart', descending: false }],
  })
})

t.test('the order is completed until no two rows are equal in it', async (t) => {
  t.same(parse({ groupBy: ['page', 'country', 'page'], order: ['-value', 'page'] }).query.order, [
    { field: 'value', descending: true },
    { field: 'page', descending: false },
    { field: 'windowStart', descending: false },
    { field: 'country', descending: false },
  ])
})

const faulty: readonly [string, ReportParameters, pointer: string, detail: RegExp][] = [
  ['a malformed time', { from: 'yesterday' }, '/from', /RFC 3339/],
  ['a day that does not exist', { to: '2026-02-30T00:00:00Z' }, '/to', /RFC 3339/],
  [
    'a time before all minutes',
    { from: '1950-01-01T00:00:00Z' },
    '/from',
    /from 1970-01-01T00:00:00Z until before 2106/,
  ],
  ['from after to', { from: '2026-02-01T00:00:00Z', to: '2026-01-01T00:00:00Z' }, '/from', /before to/],
  ['from equal to to', { from: '2026-02-01T00:00:00Z', to: '2026-02-01T00:00:00Z' }, '/from', /before to/],
  ['from in the future', { from: '2027-01-01T00:00:00Z' }, '/from', /future/],
  ['an unknown window', { window: 'fortnight' }, '/window', /minute, hour, day, week/],
  ['an unknown zone', { timezone: 'Mars/Olympus' }, '/timezone', /IANA/],
  ['an unknown dimension', { groupBy: ['colour'] }, '/groupBy', /country, page/],
  ['an unknown filter', { filter: { colour: ['red'] } }, '/filter.colour', /country, page/],
  ['a filter without values', { filter: { page: [] } }, '/filter.page', /no value/],
  ['an order by what is not grouped', { order: ['page'] }, '/order', /windowStart, value/],
  ['an empty order', { order: [''] }, '/order', /windowStart, value/],
  ['a limit of nothing', { limit: 0 }, '/limit', /1 to 10000/],
  ['a limit beyond all', { limit: 1e9 }, '/limit', /1 to 10000/],
  ['half a limit', { limit: 1.5 }, '/limit', /whole number/],
  ['filling from the beginning of time', { fill: true, window: 'day' }, '/fill', /needs from/],
  [
    'filling centuries of minutes',
    { fill: true, window: 'minute', from: '1990-01-01T00:00:00Z' },
    '/fill',
    /at most 100000 windows/,
  ],
  [
    'an endless filter value',
    { filter: { page: ['x'.repeat(10_001)] } },
    '/filter',
    /at most 10000 characters/,
  ],
  [
    'a century of minutes',
    { window: 'minute', from: '1980-01-01T00:00:00Z', to: '2080-01-01T00:00:00Z' },
    '/window',
    /more than 10000000 windows/,
  ],
  [
    'more filter values than one request may have',
    { filter: { page: Array.from({ length: 10_001 }, (_, index) => `/${index}`) } },
    '/filter',
    /at most 10000 values/,
  ],
]

for (const [name, parameters, pointer, detail] of faulty) {
  t.test(`${name} is refused by the name of its parameter`, async (t) => {
    const error = faultOf(parameters)
    t.equal(error.code, 'invalid-request')
    t.equal(error.faults.length, 1)
    t.equal(error.faults[0]?.pointer, pointer)
    t.match(error.faults[0]?.detail, detail)
  })
}

t.test('everything that is wrong is told at once', async (t) => {
  const { faults } = faultOf({ from: 'x', window: 'y', timezone: 'z', limit: 0 })
  t.same(
    faults.map(({ pointer }) => pointer),
    ['/from', '/window', '/timezone', '/limit'],
  )
})

t.test('a cursor belongs to its query, and keeps the end of a report that has none', async (t) => {
  const asked: ReportParameters = { groupBy: ['page'], order: ['-value'] }
  const { cursorSubject } = parse(asked)
  const cursor = cursors.encode(cursorSubject, [String(now - 5), '7', '0', '/a'])
  const next = parse({ ...asked, limit: 5, cursor }).query
  t.equal(next.toUs, now - 5)
  t.same(next.after, ['7', '0', '/a'])
  for (const other of [
    { ...asked, order: ['value'] },
    { ...asked, window: 'day' },
    { ...asked, filter: { page: ['/a'] } },
    { ...asked, from: '2020-01-01T00:00:00Z' },
  ]) {
    t.equal(faultOf({ ...other, cursor }).code, 'invalid-request')
  }
  const changedMeter = { ...meter, version: 4 }
  t.throws(() => parseReportParameters({ ...asked, cursor }, changedMeter, now, cursors), {
    code: 'invalid-request',
  } as unknown as Error)
})

t.test('amounts are always told apart by currency and by whether they are settled', async (t) => {
  const amounts = toReportMeter({
    tenant: 'default',
    kind: 'meter',
    name: 'care',
    version: 1,
    body: {
      eventTypes: ['care.x-ray'],
      aggregation: 'amount',
      groupBy: { ward: '/data/ward', caregiver: '/subject' },
    },
    updatedAt: '',
    updatedBy: '',
  })
  t.same(amounts.dimensions, ['caregiver', 'ward', 'currency', 'settled'])
  t.equal(amounts.subjectDimension, 'caregiver')
  const groupBy = (names?: string[]) =>
    parseReportParameters({ groupBy: names }, amounts, now, cursors).query.groupBy
  t.same(groupBy(), ['currency', 'settled'])
  t.same(groupBy(['settled', 'caregiver']), ['settled', 'caregiver', 'currency'])
})
