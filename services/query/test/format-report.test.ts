import t from 'tap'
import { formatReportCsv, formatReportIdentity, formatReportJson } from '../src/format-report.ts'
import type { Report } from '../src/read-report.ts'
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

t.test('values are JSON numbers with all their digits', async (t) => {
  const text = formatReportJson(report, 'number')
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
  t.notOk('backfill' in (JSON.parse(formatReportJson(report, 'number')) as object))
  const unfinished = { ...report, backfill: { done: false, progress: 0.25 } }
  t.match(JSON.parse(formatReportJson(unfinished, 'number')), { backfill: { done: false, progress: 0.25 } })
  t.not(formatReportIdentity(unfinished, 'number'), formatReportIdentity(report, 'number'))
})

t.test('values can be quoted for readers that round', async (t) => {
  const { rows } = JSON.parse(formatReportJson(report, 'string')) as { rows: { value: unknown }[] }
  t.equal(rows[0]?.value, '12345678901234567890.000000000000000001')
  t.equal(rows[1]?.value, null)
})

t.test('the identity of a report leaves out when it was made', async (t) => {
  const later = {
    ...report,
    generatedAtUs: report.generatedAtUs + 9,
    dataThroughUs: report.dataThroughUs + 9,
  }
  t.equal(formatReportIdentity(later, 'number'), formatReportIdentity(report, 'number'))
  const changed = { ...report, rows: report.rows.slice(1) }
  t.not(formatReportIdentity(changed, 'number'), formatReportIdentity(report, 'number'))
})

t.test('CSV quotes what needs it and hides formulas from spreadsheets', async (t) => {
  t.equal(
    formatReportCsv(report),
    [
      'windowStart,windowEnd,page,value',
      '2026-01-01T00:00:00.000Z,2026-01-01T01:00:00.000Z,"/""quoted"", å",12345678901234567890.000000000000000001',
      "2026-01-01T00:00:00.000Z,2026-01-02T00:00:00.000Z,'=SUM(A1),",
      '',
    ].join('\r\n'),
  )
})
