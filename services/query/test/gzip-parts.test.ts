import { gunzipSync } from 'node:zlib'
import t from 'tap'
import { acceptsCoding } from '../src/accepts-coding.ts'
import { gzipTail } from '../src/gzip-parts.ts'
import { renderReport } from '../src/render-report.ts'
import { query } from './report-fixtures.ts'

t.test('one compressed tail ends many bodies', async (t) => {
  for (const tail of ['', 'x', '"value":12345,'.repeat(10_000), '\u{1f600}é'.repeat(500)]) {
    const kept = gzipTail(Buffer.from(tail))
    for (const head of ['', '{', 'é'.repeat(30_000)]) {
      t.equal(gunzipSync(kept.after(Buffer.from(head))).toString(), head + tail)
    }
  }
  t.throws(() => gzipTail(Buffer.alloc(1)).after(Buffer.alloc(65_536)), RangeError)
})

t.test('a report by gzip is the report, with the moments of this answer', async (t) => {
  const row = { windowStartUs: query.fromUs, windowEndUs: query.toUs, group: ['å'], value: '0.1' }
  const rows = Array.from({ length: 100 }, () => row)
  const made = { query: { ...query, groupBy: ['page'] }, rows, nextCursor: undefined }
  const backfill = { done: true, progress: 1 }
  const report = { ...made, backfill, generatedAtUs: 0, dataThroughUs: 0 }
  for (const form of ['json', 'json-strings', 'csv'] as const) {
    const { gzipped, body } = renderReport(report, form)
    for (const at of [1_000_000, 2_000_000]) {
      const bytes = gzipped?.(at, at - 500) ?? Buffer.alloc(0)
      t.equal(gunzipSync(bytes).toString(), Buffer.from(body(at, at - 500)).toString())
      t.ok(bytes.length < 1_000)
    }
  }
  t.equal(renderReport({ ...report, rows: rows.slice(0, 2) }, 'json').gzipped, undefined, 'too short')
})

t.test('a coding is taken unless it is refused', async (t) => {
  for (const header of ['gzip', 'br, GZIP;q=0.5', 'deflate , gzip ; q=1']) t.ok(acceptsCoding(header, 'gzip'))
  for (const header of [undefined, '', 'br', 'gzip;q=0', 'gzip; q=0.00', 'x-gzip'])
    t.notOk(acceptsCoding(header, 'gzip'), String(header))
})
