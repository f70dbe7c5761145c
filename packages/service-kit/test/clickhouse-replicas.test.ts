import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { Readable } from 'node:stream'
import { text } from 'node:stream/consumers'
import t, { type Test } from 'tap'
import { connectClickhouse } from '../src/clickhouse-client.ts'

interface Asked {
  readonly sql: string
  readonly settings: URLSearchParams
}
interface Answer {
  readonly server?: string
  readonly body?: string
  /** ClickHouse's code of an error. */
  readonly code?: number
}

/** A server that answers as it is told, and remembers what it was asked. */
async function startCluster(t: Test, answer: (sql: string) => Answer) {
  const asked: Asked[] = []
  const server = createServer(async (request, response) => {
    const settings = new URL(request.url ?? '', 'http://a').searchParams
    const sql = [settings.get('query') ?? '', await text(request)].join('').trim()
    asked.push({ sql, settings })
    const { server: name = 'one', body = '', code } = answer(sql)
    response.setHeader('x-clickhouse-server-display-name', name)
    if (code === undefined) return response.end(body)
    response.statusCode = 500
    response.setHeader('x-clickhouse-exception-code', String(code))
    response.end(`Code: ${code}. DB::Exception: told so. (TOLD_SO)`)
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const client = connectClickhouse(
    {
      clickhouseUrl: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
      clickhouseDatabase: 'millrace',
      clickhouseUser: 'default',
      clickhousePassword: '',
      clickhouseCluster: 'main',
    },
    'test',
  )
  t.teardown(async () => {
    await client.close()
    await new Promise((resolve) => server.close(resolve))
  })
  return { client, asked, sqls: () => asked.map(({ sql }) => sql.replace(/\s+/g, ' ')) }
}

const threeReplicas = (sql: string): Answer =>
  sql.includes('system.clusters') ? { body: '{"shards":1,"replicas":3}\n' } : {}

t.test('before it is asked, a replica fetches what the question reads from', async (t) => {
  const { client, asked, sqls } = await startCluster(t, threeReplicas)
  const query = 'SELECT count() FROM events WHERE id NOT IN (SELECT id FROM event_changes)'
  await client.query({ query, format: 'JSONEachRow' })
  t.strictSame(sqls().slice(0, 2).sort(), [
    'SYSTEM SYNC REPLICA event_changes LIGHTWEIGHT',
    'SYSTEM SYNC REPLICA events LIGHTWEIGHT',
  ])
  t.match(sqls()[2], /^SELECT count/)
  t.equal(asked[0]?.settings.get('receive_timeout'), '30')
  const { stream } = await client.exec({ query: ' WITH 1 AS a SELECT a FROM replays FORMAT RowBinary' })
  stream.resume()
  t.strictSame(sqls().slice(3, 4), ['SYSTEM SYNC REPLICA replays LIGHTWEIGHT'])
  await client.query({ query: 'SELECT 1 FROM system.tables', format: 'JSONEachRow' })
  t.equal(sqls().length, 6, 'nothing of the mesh is in there')
})

t.test('an insert is done when most of the replicas have it', async (t) => {
  const { client, asked } = await startCluster(t, threeReplicas)
  const exec = (token: string) =>
    client.exec({
      query: 'INSERT INTO events (id) FORMAT RowBinary',
      values: Readable.from(['row'], { objectMode: false }),
      clickhouse_settings: { insert_deduplication_token: token },
    })
  for (const { stream } of [await exec('a'), await exec('b')]) stream.resume()
  await client.insert({ table: 'schema_migrations', values: [{ version: 1 }], format: 'JSONEachRow' })
  await client.command({ query: 'INSERT INTO meter_hours SELECT * FROM meter_minutes' })
  const inserts = asked.filter(({ sql }) => sql.startsWith('INSERT'))
  t.strictSame(
    inserts.map(({ settings }) => [
      settings.get('insert_quorum'),
      settings.get('insert_quorum_parallel'),
      settings.get('insert_deduplication_token'),
    ]),
    [
      ['2', '1', 'a'],
      ['2', '1', 'b'],
      ['2', '1', null],
      ['2', '1', null],
    ],
  )
  t.equal(asked.filter(({ sql }) => sql.includes('system.clusters')).length, 1, 'asked once')
  const filled = asked.findIndex(({ sql }) => sql.includes('SELECT * FROM'))
  t.strictSame(
    asked.slice(0, filled).filter(({ sql }) => sql === 'SYSTEM SYNC REPLICA meter_minutes LIGHTWEIGHT')
      .length,
    1,
    'what a table is filled from was fetched',
  )
})

t.test('what is neither goes as it is', async (t) => {
  const { client, sqls } = await startCluster(t, threeReplicas)
  await client.command({ query: 'ALTER TABLE events DELETE WHERE 1' })
  await client.command({ query: 'DELETE FROM invalid_events WHERE 1' })
  t.strictSame(sqls(), ['ALTER TABLE events DELETE WHERE 1', 'DELETE FROM invalid_events WHERE 1'])
})

t.test('a replica that lags behind does not answer', async (t) => {
  const { client, sqls } = await startCluster(t, (sql) => (sql.startsWith('SYSTEM') ? { code: 159 } : {}))
  await t.rejects(client.query({ query: 'SELECT 1 FROM events' }), { message: /lags behind in events/ })
  t.equal(sqls().length, 1)
})

t.test('a table that is not there is for the question to miss', async (t) => {
  const { client } = await startCluster(t, () => ({ code: 60 }))
  await t.rejects(client.query({ query: 'SELECT 1 FROM events' }), { code: '60' })
})

t.test('an answer of another replica than the one that has fetched is refused', async (t) => {
  const { client } = await startCluster(t, (sql) => ({ server: sql.startsWith('SYSTEM') ? 'one' : 'two' }))
  const refused = { message: /replica two .* after one was brought up to date: CLICKHOUSE_URL/ }
  await t.rejects(client.query({ query: 'SELECT 1 FROM events', format: 'JSONEachRow' }), refused)
  await t.rejects(client.exec({ query: 'SELECT 1 FROM events FORMAT RowBinary' }), refused)
})

t.test('a cluster that ClickHouse does not know, or of several shards, is refused', async (t) => {
  for (const shards of [0, 2]) {
    const { client } = await startCluster(t, () => ({ body: `{"shards":${shards},"replicas":4}\n` }))
    const insert = client.insert({ table: 'events', values: [{ id: '1' }], format: 'JSONEachRow' })
    await t.rejects(insert, { message: new RegExp(`main has ${shards} shards`) })
  }
})

t.test('who waits for a replica may give up', async (t) => {
  const giveUp = new AbortController()
  const { client } = await startCluster(t, (sql) => {
    if (sql.startsWith('SYSTEM')) giveUp.abort(new Error('given up'))
    return {}
  })
  const asking = client.query({ query: 'SELECT 1 FROM events', abort_signal: giveUp.signal })
  await t.rejects(asking, /given up/)
})

t.test('an insert that was given up meanwhile is not sent', async (t) => {
  const giveUp = new AbortController()
  const { client, sqls } = await startCluster(t, (sql) => {
    giveUp.abort(new Error('given up'))
    return threeReplicas(sql)
  })
  const query = 'INSERT INTO events (id) FORMAT RowBinary'
  const values = Readable.from(['row'], { objectMode: false })
  await t.rejects(client.exec({ query, values, abort_signal: giveUp.signal }), /given up/)
  t.equal(sqls().filter((sql) => sql.startsWith('INSERT')).length, 0)
})
