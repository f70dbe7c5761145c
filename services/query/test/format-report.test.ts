import t from 'tap'
import type { Report } from '../src/read-report.ts'
import { type ReportForm, renderReport } from '../src/render-report.ts'
import { query } from './report-fixtures.ts'

const report: Report = {
  query: { ...query, groupBy: ['page'], window: 'hour' },
  generatedAtUs: query.toUs + 5,
  dataThroughUs: query.toUs,
  backfill: { done: true, progress: 1 },
  rows: [
    {
      windowStartUs: query.fromUs,
      windowEndUs: query.fromUs + 3_600_000_000,
      group: ['/"quoted", å'],
      value: '12345678901234567890.000000000000000001',
    },
    { windowStartUs: query.fromUs, windowEndUs: query.toUs, group: ['=SUM(A1)'], value: null },
  ],
  nextCursor: 'abc',
}

function write(form: ReportForm, { generatedAtUs, dataThroughUs, ...rest }: Report = report): string {
  const rendered = renderReport({ ...rest, generatedAtUs: 0, dataThroughUs: 0 }, form)
  return rendered.body(generatedAtUs, dataThroughUs).toString()
}

t.test('values are JSON numbers with all their digits', async (t) => {
  const text = write('json')
  t.match(text, '"value":12345678901234567890.000000000000000001}')
  t.match(JSON.parse(text), {
    meter: 'visits',
    window: 'hour',
    from: '2026-01-01T00:00:00.000Z',
    to: '2026-01-02T00:00:00.000Z',
    timezone: 'Europe/Stockholm',
    generatedAt: '2026-01-02T00:00:00.000005Z',
    dataThrough: '2026-01-02T00:00:00.000Z',
    rows: [
      {
        windowStart: '2026-01-01T00:00:00.000Z',
        windowEnd: '2026-01-01T01:00:00.000Z',
        group: { page: '/"quoted", å' },
      },
      { value: null },
    ],
    nextCursor: 'abc',
  })
})

t.test('a report tells of a backfill as long as it is not done', async (t) => {
  t.notOk('backfill' in (JSON.parse(write('json')) as object))
  const unfinished = { ...report, backfill: { done: false, progress: 0.25 } }
  t.match(JSON.parse(write('json', unfinished)), { backfill: { done: false, progress: 0.25 } })
  t.not(renderReport(unfinished, 'json').tag, renderReport(report, 'json').tag)
})

t.test('values can be quoted for readers that round', async (t) => {
  const { rows } = JSON.parse(write('json-strings')) as { rows: { value: unknown }[] }
  t.equal(rows[0]?.value, '12345678901234567890.000000000000000001')
  t.equal(rows[1]?.value, null)
})

t.test('the tag of a report leaves out when it was made', async (t) => {
  const later = {
    ...report,
    generatedAtUs: report.generatedAtUs + 9,
    dataThroughUs: report.dataThroughUs + 9,
  }
  t.equal(renderReport(later, 'json').tag, renderReport(report, 'json').tag)
  t.not(renderReport(report, 'csv').tag, renderReport(report, 'json').tag, 'another form has another tag')
  const changed = { ...report, rows: report.rows.slice(1) }
  t.not(renderReport(changed, 'json').tag, renderReport(report, 'json').tag)
})

t.test('CSV quotes what needs it and hides formulas from spreadsheets', async (t) => {
  t.equal(
    write('csv'),
    [
      'windowStart,windowEnd,page,value',
      '2026-01-01T00:00:00.000Z,2026-01-01T01:00:00.000Z,"/""quoted"", å",12345678901234567890.000000000000000001',
      "2026-01-01T00:00:00.000Z,2026-01-02T00:00:00.000Z,'=SUM(A1),",
      '',
    ].join('\r\n'),
  )
})

t.test('bytes and characters of a report are the same, in ASCII or not', async (t) => {
  const plain = { ...report, rows: report.rows.map((row) => ({ ...row, group: ['/'] })) }
  const text = renderReport(plain, 'json').body(1_000, 2_000)
  t.type(text, 'string')
  t.same(Object.keys(JSON.parse(String(text)) as object), [
    'meter',
    'window',
    'from',
    'to',
    'timezone',
    'generatedAt',
    'dataThrough',
    'rows',
    'nextCursor',
  ])
  t.ok(Buffer.isBuffer(renderReport(report, 'json').body(1_000, 2_000)))
})
