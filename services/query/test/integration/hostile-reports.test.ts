// Limits and hostile values against the real ClickHouse: none is an error of ours, none runs away.
import t from 'tap'
import { authorization, createTables, freshConfig, startService, until, writeCatalog } from './mesh-edge.ts'

const config = freshConfig()
const tables = await createTables(t, config)
await writeCatalog(config, [
  {
    kind: 'meter',
    name: 'visits',
    body: { eventTypes: ['visit.recorded'], aggregation: 'count', groupBy: { page: '/data/path' } },
  },
  {
    kind: 'meter',
    name: 'visitors',
    body: { eventTypes: ['visit.recorded'], aggregation: 'unique', value: '/subject' },
  },
])
await tables.command({
  query: `INSERT INTO meter_minutes SELECT 'default','visits',1,toDateTime('2026-01-01 00:00:00','UTC')+number*60,[concat('/',toString(number%50))],1,0,NULL,NULL FROM numbers(50000)`,
})
await tables.command({
  query: `INSERT INTO meter_readings SELECT 'default','visitors',1,toDateTime64('2026-01-01 00:00:00',6,'UTC')+number,[],cityHash64(number),0,number,0 FROM numbers(400000)`,
})
const { service, url, get } = await startService(t, config)
await until(() => service.readiness.isReady())

interface Answer {
  readonly type?: string
  readonly detail?: string
  readonly rows?: readonly { readonly value: number }[]
}

async function post(body: object, base = url): Promise<{ status: number; answer: Answer }> {
  const response = await fetch(`${base}/v1/reports/visits`, {
    method: 'POST',
    headers: { authorization, 'content-type': 'application/json' },
    body: JSON.stringify(body),
  })
  return { status: response.status, answer: (await response.json()) as Answer }
}

t.test('a list of ten thousand values is read, a longer one refused', async (t) => {
  const values = (count: number): string[] =>
    Array.from({ length: count }, (_, index) => `/${index + 49}/å`.slice(0, 6))
  const page = ['/7', ...values(9_999)]
  const found = await post({ filter: { page } })
  t.equal(found.status, 200, found.answer.detail ?? 'found')
  t.same(
    found.answer.rows?.map(({ value }) => value),
    [1_000],
  )
  const long = await post({
    filter: { page: ['/7', ...Array.from({ length: 9_999 }, (_, index) => `${index}`.padEnd(25, 'x'))] },
  })
  t.equal(long.status, 200, 'nor is it their length')
  const quotes = await post({
    filter: { page: ['/7', ...Array.from({ length: 25 }, () => "'\\".repeat(5_000))] },
  })
  t.equal(quotes.status, 200, 'nor that each letter has to be escaped')
  for (const count of [10_001, 100_000]) {
    const { status, answer } = await post({ filter: { page: values(count) } })
    t.equal(status, 400)
    t.match(answer.detail, /at most 10000 values/)
  }
})

t.test('hostile values match nothing, and break nothing', async (t) => {
  const hostile = [
    "'",
    "\\'); DROP TABLE events; --",
    '{x:String}',
    '\u0000',
    '\t\n\\N',
    '\\',
    '[1]',
    "['/7']",
    '%27',
    '\ud800',
  ]
  for (const text of hostile) {
    const { status, answer } = await post({ filter: { page: [text] } })
    t.equal(status, 200, `${JSON.stringify(text)}: ${answer.detail}`)
    t.same(answer.rows, [])
  }
  t.equal((await post({ filter: { page: ['/7'] } })).status, 200, 'the tables are still there')
  for (const zone of ["UTC'", 'UTC;', '../../etc/passwd', 'Europe/Stockholm\u0000']) {
    t.equal((await get(`/v1/reports/visits?timezone=${encodeURIComponent(zone)}`)).status, 400, zone)
  }
})

t.test('what costs too much is refused, and says what to change', async (t) => {
  const poor = await startService(t, { ...config, maxQueryRows: 10_000 })
  await until(() => poor.service.readiness.isReady())
  const rows = await post({ window: 'minute' }, poor.url)
  t.equal(rows.status, 400)
  t.match(rows.answer, { type: /invalid-request/, detail: /more rows to be read .* Take a shorter range/ })
  const narrow = await startService(t, { ...config, maxQueryMemoryBytes: 4 * 1024 ** 2 })
  await until(() => narrow.service.readiness.isReady())
  const response = await narrow.get('/v1/reports/visitors')
  t.equal(response.status, 400)
  t.match(await response.json(), { type: /invalid-request/, detail: /more memory .* Take a shorter range/ })
  t.equal((await get('/v1/reports/visitors')).status, 200)
})
