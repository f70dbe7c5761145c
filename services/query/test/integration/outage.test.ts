// ClickHouse and Kafka absent at the start, and ClickHouse stopped later.
import { mkdtempSync } from 'node:fs'
import { rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { findFreePorts, startClickHouse } from '@millrace/scripts/local-stack'
import t from 'tap'
import { createTables, freshConfig, startService, until, writeCatalog } from './mesh-edge.ts'

const directory = mkdtempSync(join(tmpdir(), 'millrace-query-'))
t.teardown(() => rm(directory, { recursive: true, force: true }))
const [http = 0, tcp = 0] = await findFreePorts(2)

t.test('the service waits for ClickHouse, says so, and recovers by itself', async (t) => {
  const config = freshConfig({ CLICKHOUSE_URL: `http://127.0.0.1:${http}` })
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
  await createTables({ teardown: () => {} } as never, config)
  await until(async () => (await ready()).status === 200)
  t.equal((await get('/v1/reports/visits')).status, 200)

  await clickhouse.stop()
  t.equal((await get('/v1/reports/visits')).status, 503)
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
