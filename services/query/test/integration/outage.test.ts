// ClickHouse and Kafka absent at the start, and ClickHouse stopped later.
import { mkdtempSync } from 'node:fs'
import { rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { findFreePorts, startClickHouse } from '@millrace/scripts/local-stack'
import t from 'tap'
import {
  createTables,
  freshConfig,
  startAggregatorEdge,
  startService,
  until,
  writeCatalog,
} from './mesh-edge.ts'

const directory = mkdtempSync(join(tmpdir(), 'millrace-query-'))
t.teardown(() => rm(directory, { recursive: true, force: true }))
async function untilFound<Found>(check: () => Promise<Found | undefined>): Promise<Found> {
  let found: Found | undefined
  await until(async () => {
    found = await check()
    return found !== undefined
  })
  return found as Found
}

const [http = 0, tcp = 0] = await findFreePorts(2)

t.test('the service waits for ClickHouse, says so, and recovers by itself', async (t) => {
  const edge = await startAggregatorEdge(t)
  const config = freshConfig({
    CLICKHOUSE_URL: `http://127.0.0.1:${http}`,
    AGGREGATOR_ADDRESSES: edge.address,
  })
  await writeCatalog(config, [
    { kind: 'meter', name: 'visits', body: { eventTypes: ['visit.recorded'], aggregation: 'count' } },
  ])
  const { service, get } = await startService(t, config)
  const ready = async () => fetch(`http://127.0.0.1:${service.operationsPort}/healthz/ready`)
  await until(async () => {
    const { missing } = (await (await ready()).json()) as { missing: Record<string, string> }
    return missing.clickhouse === 'does not answer' && missing.catalog === undefined
  })
  const absent = await get('/v1/reports/visits')
  t.equal(absent.status, 503)
  t.equal(absent.headers.get('retry-after'), '1')
  t.match(await absent.json(), { type: 'urn:millrace:problem:unavailable', detail: /ClickHouse/ })
  t.equal((await get('/v1/meters/visits')).status, 200, 'what needs no ClickHouse is answered')
  t.equal((await get('/v1/reports/unknown')).status, 404)

  const clickhouse = await startClickHouse({ directory: join(directory, 'clickhouse'), ports: { http, tcp } })
  t.teardown(() => clickhouse.stop())
  await until(async () => (await ready()).status === 503 && (await (await ready()).text()).includes('tables'))
  t.equal((await get('/v1/events')).status, 503, 'without the tables nothing can be read')
  const tables = await createTables({ teardown: () => {} } as never, config)
  await until(async () => (await ready()).status === 200)
  await tables.command({
    query: `INSERT INTO backfill_chunks (tenant,meter,version,chunk,chunks,landed) VALUES ('default','visits',1,0,1,1)`,
  })
  const day = '/v1/reports/visits?from=2026-01-01T00:00:00Z&to=2026-01-02T00:00:00Z&fill=true'
  const tell = (throughUs: number, rest: object = {}): void =>
    edge.sendProgress({
      instance: 'edge',
      partitions: 2,
      landed: [0, 1].map((partition) => ({ partition, throughUs })),
      begun: [],
      over: [],
      ...rest,
    })
  const first = Date.UTC(2026, 0, 3) * 1_000
  const heard = { us: first }
  const heartbeat = setInterval(() => tell(heard.us), 300)
  t.teardown(() => clearInterval(heartbeat))
  const throughOf = async (response: Response) =>
    ((await response.json()) as { dataThrough: string }).dataThrough
  await until(async () => (await throughOf(await get(day))) === '2026-01-03T00:00:00.000Z')

  await clickhouse.stop()
  t.equal((await get('/v1/reports/visits')).status, 503)
  const warm = await get(day)
  t.equal(warm.status, 200, 'what is kept and true needs no ClickHouse')
  t.equal(warm.headers.get('x-millrace-stale'), null)
  heard.us = first + 60_000_000
  await until(async () => (await throughOf(await get(day))) === '2026-01-03T00:01:00.000Z')
  const fromMinute = Date.UTC(2026, 0, 1) / 60_000
  const ranges = [{ tenant: 'default', meter: 'visits', version: 1, fromMinute, toMinute: fromMinute + 1 }]
  tell(heard.us, { begun: [{ number: 1, ranges }] })
  heard.us = first + 120_000_000
  tell(heard.us, { over: [1] })
  const stale = await untilFound(async () => {
    const response = await get(day)
    return response.headers.has('x-millrace-stale') ? response : undefined
  })
  t.equal(stale.status, 200)
  t.match(stale.headers.get('warning'), /^110 /)
  t.equal(await throughOf(stale), '2026-01-03T00:01:00.000Z', 'it does not claim what came after')
  const strict = await get(day, { 'cache-control': 'no-cache' })
  t.equal(strict.status, 503, 'who does not want an old answer gets none')
  await until(async () => (await ready()).status === 503)
  await clickhouse.start()
  await until(async () => (await ready()).status === 200)
  t.equal((await get('/v1/reports/visits?fill=true')).status, 200)
})

t.test(
  'without Kafka the doors are open, and nothing is called unknown that only is not read yet',
  async (t) => {
    const config = freshConfig({ KAFKA_BROKERS: '127.0.0.1:1' })
    const { service, get } = await startService(t, config)
    t.equal((await get('/ping')).status, 200)
    t.equal((await fetch(`http://127.0.0.1:${service.operationsPort}/healthz/live`)).status, 200)
    for (const path of ['/v1/reports/visits', '/v1/meters', '/v1/reports/visits/live']) {
      const response = await get(path)
      t.equal(response.status, 503, path)
      t.match(await response.json(), { detail: /catalog/ })
    }
    const ready = (await (
      await fetch(`http://127.0.0.1:${service.operationsPort}/healthz/ready`)
    ).json()) as {
      missing: Record<string, string>
    }
    t.ok(ready.missing.catalog)
  },
)
