// What a key that may not read everything gets of a meter, out of the real tables.
import type { KeyConstraints } from '@millrace/catalog/key-constraints'
import { type Aggregation, aggregations } from '@millrace/catalog/resources'
import t from 'tap'
import { createAnnouncedWrites } from '../../src/announced-writes.ts'
import { createClickhouseReader } from '../../src/clickhouse-reader.ts'
import { createCursorCodec } from '../../src/cursor.ts'
import { createHoursAlone } from '../../src/hours-alone.ts'
import { createReportReader } from '../../src/read-report.ts'
import { createChangesReader } from '../../src/report-changes.ts'
import { createReportRowsReader } from '../../src/report-rows-reader.ts'
import { createTables, freshConfig, logger } from './mesh-edge.ts'

const tables = await createTables(t, freshConfig())
const clickhouse = createClickhouseReader(
  { client: tables, logger, countError: () => {} },
  { maxQuerySeconds: 10, maxQueryMemoryBytes: 1024 ** 3, maxQueryRows: 1_000_000 },
)
const nowUs = Date.UTC(2026, 0, 2) * 1_000

function createReader(aggregation: Aggregation, groupBy: Readonly<Record<string, string>>) {
  const entry = {
    tenant: 'default',
    kind: 'meter' as const,
    name: aggregation,
    version: 1,
    body: { eventTypes: ['care.visit', 'care.x-ray'], aggregation, value: '/data/minutes', groupBy },
    updatedAt: '',
    updatedBy: '',
  }
  return createReportReader({
    catalog: { meter: () => entry },
    rows: createReportRowsReader(
      clickhouse,
      createChangesReader(clickhouse, createAnnouncedWrites()),
      async () => undefined,
      createHoursAlone(() => 0),
    ),
    cursors: createCursorCodec('a root key of these tests'),
    freshness: { dataThrough: async () => nowUs },
    backfills: { read: async () => ({ done: true, progress: 1 }) },
    nowUs: () => nowUs,
  })
}

/** Minutes of care by place in Kafka: type, subject, value. The last one was retracted. */
const care = [
  ['care.visit', 'ward-7/1', 5],
  ['care.visit', 'ward-7/2', 7],
  ['care.x-ray', 'ward-7/1', 11],
  ['care.visit', 'ward-8/a.b', 13],
  ['care.visit', '', 17],
  ['care.visit', 'ward-7/1', 19],
] as const

const group = (aggregation: Aggregation, subject: string): string =>
  aggregation === 'amount' ? `['${subject}','SEK','false']` : `['${subject}']`
const rolledUp = aggregations.filter((it) => !/^(unique|latest|p\d+)$/.test(it))
const kept = aggregations.filter((it) => !rolledUp.includes(it))
for (const [index, [type, subject, minutes]] of care.entries()) {
  const at = `'2026-01-01 10:0${index}:30.5'`
  const readings = rolledUp.map(
    (it) => `('${it}',1,${group(it, subject)},${it === 'count' ? 'NULL' : `toDecimal128(${minutes},18)`})`,
  )
  await tables.command({
    query: `INSERT INTO events (tenant,source,id,type,subject,occurred_at,received_at,kafka_offset,readings)
      VALUES ('default','s','e${index}','${type}','${subject}',${at},${at},${index},[${readings.join()}])`,
  })
  const values = kept.map(
    (it) =>
      `('default','${it}',1,${at},['${subject}'],toInt128(${minutes})*1000000000000000000,0,${index},0)`,
  )
  await tables.command({
    query: `INSERT INTO meter_readings (tenant,meter,version,occurred_at,group,value,kafka_partition,kafka_offset,kafka_index)
      VALUES ${values.join()}`,
  })
}
const takenBack = rolledUp.map(
  (it) => `('${it}',1,${group(it, 'ward-7/1')},-1,${it === 'count' ? 'NULL' : 'toDecimal128(-19,18)'})`,
)
await tables.command({
  query: `INSERT INTO event_changes (tenant,source,id,kind,status,received_at,kafka_offset,type,occurred_at,event_offset,corrected,readings)
    VALUES ('default','s','e5','retraction','applied','2026-01-01 11:00:00',9,'care.visit','2026-01-01 10:05:30.5',5,
      ',${rolledUp.map((it) => `${it}@1`).join()},',[${takenBack.join()}])`,
})

const everything = { from: '2026-01-01T00:00:00Z', to: '2026-01-01T12:00:00.5Z' }
async function read(
  aggregation: Aggregation,
  constraints: KeyConstraints | undefined,
  groupBy: Readonly<Record<string, string>> = { caregiver: '/data/caregiver' },
): Promise<readonly (string | null)[]> {
  const reader = { tenant: 'default', ...(constraints !== undefined && { constraints }) }
  const reports = createReader(aggregation, groupBy)
  const { rows } = await reports.compute(reports.check(reader, aggregation, everything), false)
  return rows.map(({ value }) => value)
}

const ofWard7 = {
  count: '3',
  sum: '23',
  min: '5',
  max: '11',
  avg: '7.666666666666666667',
  unique: '3',
  latest: '11',
  p50: '7',
  p90: '11',
  p95: '11',
  p99: '11',
  amount: '23',
} as const

for (const aggregation of aggregations) {
  t.test(`${aggregation} holds what the key may read and no more`, async (t) => {
    const subjects = ['ward-7/*', 'ward-9/1']
    t.same(await read(aggregation, { subjects }), [ofWard7[aggregation]], 'out of the events')
    const bySubject = { caregiver: '/subject' }
    t.same(await read(aggregation, { subjects }, bySubject), [ofWard7[aggregation]], 'by the dimension')
    const [visits] = await read(aggregation, { eventTypes: ['care.v*'], subjects: ['ward-7/1'] })
    t.equal(visits, aggregation === 'count' || aggregation === 'unique' ? '1' : '5', 'types too')
    t.same(
      await read(aggregation, { subjects: ['ward-8/a.b'] }, bySubject),
      await read(aggregation, { subjects: ['ward-8/*'] }),
    )
    t.same(await read(aggregation, { subjects: ['ward'] }), [], 'a pattern is met as a whole')
    t.equal((await read(aggregation, { subjects: ['*'] })).length, 1)
    await t.rejects(read(aggregation, { eventTypes: ['order.*'] }), { code: 'forbidden' } as unknown as Error)
  })
}

t.test('a key without constraints reads events without a subject too', async (t) => {
  t.same(await read('count', undefined), ['5'])
  t.same(await read('sum', undefined), ['53'])
  t.same(await read('max', undefined), ['17'])
  t.same(await read('unique', undefined), ['5'])
})
