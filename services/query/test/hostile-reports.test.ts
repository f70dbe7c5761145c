// Whatever a caller sends stands in parameters, never in a statement's text.
import type { CatalogEntry } from '@millrace/catalog/resources'
import { ServiceError } from '@millrace/service-kit/errors'
import { Registry } from '@millrace/service-kit/metrics'
import t from 'tap'
import { createAnnouncedWrites } from '../src/announced-writes.ts'
import { createCursorCodec } from '../src/cursor.ts'
import { createQueryMetrics } from '../src/metrics.ts'
import type { ReportParameters } from '../src/parse-report-parameters.ts'
import { createReports } from '../src/reports.ts'
import type { Statement } from '../src/statement.ts'

/** In each text below, and in nothing of ours. */
const mark = 'qz9x'
const hostile = [
  `${mark}'; DROP TABLE events; --`,
  `${mark}') OR 1=1 UNION ALL SELECT * FROM system.users --`,
  `${mark}\\'); SELECT 1; /*`,
  `{${mark}:Identifier}`,
  `{timezone:String}${mark}`,
  `\u0000${mark}\n\t\r`,
  `${mark}\u2028'"\`;%00`,
  `UTC', (SELECT ${mark}), '`,
  `2026-01-01T00:00:00Z' ${mark}`,
  `-value ${mark} DESC`,
  `${mark} FORMAT Native`,
  `__proto__.${mark}`,
  mark.repeat(2_000),
]

const meter: CatalogEntry = {
  tenant: 'default',
  kind: 'meter',
  name: 'visits',
  version: 3,
  body: {
    eventTypes: ['visit.recorded'],
    aggregation: 'sum',
    value: '/data/n',
    groupBy: { page: '/data/path' },
  },
  updatedAt: '',
  updatedBy: '',
}
const nowUs = Date.UTC(2026, 5, 1) * 1_000
const cursors = createCursorCodec('a root key of these tests')

function start() {
  const statements: Statement[] = []
  const reports = createReports(
    {
      catalog: { meter: (_tenant, name) => (name === 'visits' ? meter : undefined) as never },
      clickhouse: {
        read: async (statement) => {
          statements.push(statement)
          return []
        },
      },
      cursors,
      freshness: {
        dataThrough: async () => nowUs,
        known: () => nowUs,
        writes: createAnnouncedWrites(),
      },
      backfills: { read: async () => ({ done: true, progress: 1 }) },
      metrics: createQueryMetrics(new Registry()),
      nowUs: () => nowUs,
    },
    { cacheBytes: 1_000_000, maxStaleSeconds: 0 },
  )
  return { reports, statements }
}

const placed: readonly ((text: string) => ReportParameters)[] = [
  (text) => ({ from: text }),
  (text) => ({ to: text }),
  (text) => ({ window: text }),
  (text) => ({ timezone: text }),
  (text) => ({ groupBy: [text] }),
  (text) => ({ groupBy: ['page', text] }),
  (text) => ({ order: [text] }),
  (text) => ({ order: [`-${text}`] }),
  (text) => ({ limit: text as unknown as number }),
  (text) => ({ cursor: text }),
  (text) => ({ cursor: Buffer.from(text).toString('base64url') }),
  (text) => ({ fill: text as unknown as boolean, from: '2026-01-01T00:00:00Z', window: 'day' }),
  (text) => ({ filter: { page: [text] } }),
  (text) => ({ filter: { page: ['/', text], [text]: ['x'] } }),
]

/** Each {name:Type} of a statement has a value, and each value has a place. */
function unbound({ sql, parameters }: Statement): readonly string[] {
  const named = new Set([...sql.matchAll(/\{(\w+):/g)].map(([, name]) => name ?? ''))
  return [...named].filter((name) => !(name in parameters))
}

t.test('hostile texts in every parameter are refused or bound', async (t) => {
  let bound = 0
  for (const place of placed) {
    for (const text of hostile) {
      for (const constraints of [undefined, { subjects: [`${text}*`] }, { eventTypes: ['visit.*'] }]) {
        const { reports, statements } = start()
        const reader = { tenant: `tenant ${mark}`, ...(constraints && { constraints }) }
        // The second time it may be put together from pieces.
        for (let time = 0; time < 2; time += 1) {
          await reports.read(reader, 'visits', place(text)).catch((error: unknown) => {
            if (!(error instanceof ServiceError) || error.code !== 'invalid-request') throw error
          })
        }
        for (const statement of statements) {
          bound += 1
          if (statement.sql.includes(mark)) t.fail(statement.sql)
          if (unbound(statement).length > 0) t.same(unbound(statement), [], statement.sql)
        }
      }
    }
  }
  t.ok(bound > 100, `${bound} statements`)
})

t.test('a meter of a hostile name is not there', async (t) => {
  for (const text of hostile) {
    const { reports, statements } = start()
    await t.rejects(reports.read({ tenant: 'default' }, text, {}), { code: 'not-found' })
    t.same(statements, [])
  }
})

t.test('cursors that were changed, or are of another question, are refused', async (t) => {
  const { reports, statements } = start()
  const cursor = cursors.encode('another question', ['1', '2'])
  const flipped = [...cursor].map(
    (letter, index) => `${cursor.slice(0, index)}${letter === 'A' ? 'B' : 'A'}${cursor.slice(index + 1)}`,
  )
  for (const text of ['', 'x', cursor, ...flipped]) {
    await t.rejects(reports.read({ tenant: 'default' }, 'visits', { cursor: text }), {
      code: 'invalid-request',
    })
  }
  t.same(statements, [])
})
