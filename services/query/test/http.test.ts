import { type AddressInfo, connect } from 'node:net'
import { text } from 'node:stream/consumers'
import { createAuthenticator } from '@millrace/catalog/authenticate-key'
import { createKeyUsageBook } from '@millrace/catalog/key-usage'
import type { CatalogEntry } from '@millrace/catalog/resources'
import { undocumentedAnswer } from '@millrace/scripts/documented-answers'
import { createLogger } from '@millrace/service-kit/log'
import { Registry } from '@millrace/service-kit/metrics'
import t, { type Test } from 'tap'
import { createAnnouncedWrites } from '../src/announced-writes.ts'
import type { ClickhouseReader, Row } from '../src/clickhouse-reader.ts'
import { createCursorCodec } from '../src/cursor.ts'
import { createHttpApp } from '../src/http.ts'
import { createDeliveryLister } from '../src/list-deliveries.ts'
import { createEventLister } from '../src/list-events.ts'
import { createQueryMetrics } from '../src/metrics.ts'
import { createReports } from '../src/reports.ts'
import { createSessions } from '../src/session.ts'
import type { Statement } from '../src/statement.ts'
import { createDeliverySummarizer } from '../src/summarize-deliveries.ts'

const rootKey = 'a-root-key-of-tests'
const visits: CatalogEntry = {
  tenant: 'default',
  kind: 'meter',
  name: 'visits',
  version: 3,
  body: { eventTypes: ['visit.recorded'], aggregation: 'count', groupBy: { page: '/data/path' } },
  updatedAt: '2026-01-01T00:00:00.000Z',
  updatedBy: 'root',
}
const nowUs = Date.UTC(2026, 5, 1) * 1_000

async function startApp(t: Test, rows: readonly Row[] = []) {
  const statements: Statement[] = []
  const clickhouse: ClickhouseReader = {
    read: async (statement) => {
      // No event was settled or retracted.
      if (statement.sql.includes('FROM event_changes')) return []
      statements.push(statement)
      return rows
    },
  }
  const catalog = {
    meter: (_tenant: string, name: string) => (name === 'visits' ? visits : undefined) as never,
    list: (_tenant: string, kind: string) => (kind === 'meter' ? [visits] : []),
  }
  const cursors = createCursorCodec(rootKey)
  const through = nowUs - 5
  const freshness = {
    dataThrough: async () => through,
    known: () => through,
    writes: createAnnouncedWrites(),
  }
  const metrics = createQueryMetrics(new Registry())
  const backfills = { read: async () => ({ done: true, progress: 1 }) }
  const app = await createHttpApp({
    reports: createReports(
      { catalog, clickhouse, cursors, freshness, backfills, metrics, nowUs: () => nowUs },
      { cacheBytes: 0, maxStaleSeconds: 0 },
    ),
    live: {
      subscribe: () => () => {},
      subscribers: () => 0,
      feeds: () => 0,
      stop: () => {},
    },
    events: createEventLister({ clickhouse, cursors }),
    deliveries: createDeliveryLister({ clickhouse, cursors, nowUs: () => 0 }),
    deliverySummaries: createDeliverySummarizer({ clickhouse, nowUs: () => 0 }),
    catalog,
    cursors,
    metrics,
    sessions: createSessions({ rootKey: 'root-key-of-the-tests', sessionMinutes: 5 }),
    authenticator: createAuthenticator(rootKey),
    limits: createKeyUsageBook('test'),
    keyUsage: createKeyUsageBook('test'),
    replays: { read: async () => new Map() },
    logger: createLogger('test', 'silent'),
    countRequest: () => {},
  })
  app.addHook('onResponse', (request, reply, done) => {
    const path = request.routeOptions.url?.replaceAll(/:(\w+)/g, '{$1}') ?? ''
    const answer = { method: request.method, path, status: reply.statusCode }
    const undocumented = undocumentedAnswer(app.swagger() as never, answer)
    if (undocumented !== undefined) t.fail(undocumented)
    done()
  })
  t.teardown(() => app.close())
  const get = (url: string, headers: Record<string, string> = {}) =>
    app.inject({ url, headers: { authorization: `Bearer ${rootKey}`, ...headers } })
  return { app, get, statements }
}

const open = ['/', '/ping', '/openapi.json', '/docs']
const closed = [
  '/v1/reports/visits',
  '/v1/reports/visits/live',
  '/v1/events',
  '/v1/events/e1',
  '/v1/deliveries',
  '/v1/deliveries/d1',
  '/v1/postbacks/p1',
  '/v1/meters',
  '/v1/meters/visits',
  '/v1/event-types',
  '/v1/event-types/x',
]

t.test('without a key nothing is read', async (t) => {
  const { app, statements } = await startApp(t)
  for (const url of closed) {
    const response = await app.inject({ url: `${url}?nonsense=1` })
    t.equal(response.statusCode, 401, url)
    t.equal(response.headers['www-authenticate'], 'Bearer')
  }
  t.equal((await app.inject({ method: 'POST', url: '/v1/reports/visits', payload: {} })).statusCode, 401)
  t.same(statements, [])
})

t.test('the page and the documents need no key', async (t) => {
  const { app } = await startApp(t)
  for (const url of open) t.equal((await app.inject({ url })).statusCode, 200, url)
})

t.test('the page may load nothing from elsewhere, and nothing inline', async (t) => {
  const { app } = await startApp(t)
  const page = await app.inject('/')
  const policy = String(page.headers['content-security-policy'])
  t.match(policy, "default-src 'none'")
  t.notMatch(policy, 'unsafe-inline')
  t.notMatch(page.body, /<script(?![^>]*src=)[^>]*>|<style| style=| on\w+=|https?:\/\//)
})

const refused: readonly [string, pointer: string, detail: RegExp][] = [
  ['/v1/reports/visits?windw=day', '/windw', /window/],
  ['/v1/reports/visits?window=fortnight', '/window', /minute/],
  ['/v1/reports/visits?timezone=Mars', '/timezone', /IANA/],
  ['/v1/reports/visits?groupBy=colour', '/groupBy', /page/],
  ['/v1/reports/visits?filter.colour=red', '/filter.colour', /page/],
  ['/v1/reports/visits?from=today', '/from', /RFC 3339/],
  ['/v1/reports/visits?from=2026-01-01T00:00:00Z&from=2026-01-02T00:00:00Z', '/from', /string/],
  ['/v1/reports/visits?limit=ten', '/limit', /integer/],
  ['/v1/reports/visits?limit=-1', '/limit', />= 1/],
  ['/v1/reports/visits?order=price', '/order', /windowStart, value/],
  ['/v1/reports/visits?fill=perhaps', '/fill', /boolean/],
  ['/v1/reports/visits?numbers=roman', '/numbers', /number, string/],
  ['/v1/reports/visits?cursor=AAAA', '/cursor', /does not belong/],
  ["/v1/reports/visits?order=value'%20OR%201=1--", '/order', /windowStart/],
  ['/v1/reports/visits/live?seconds=5', '/seconds', /not known here. Known: none/],
  ['/v1/events?status=lost', '/status', /received, processed, invalid/],
  ['/v1/events?colour=red', '/colour', /type, subject, source/],
  ['/v1/events?from=2026-02-01T00:00:00Z&to=2026-01-01T00:00:00Z', '/from', /before to/],
  ['/v1/events?cursor=x', '/cursor', /does not belong/],
  ['/v1/events?limit=5000', '/limit', /<= 500/],
  ['/v1/events/e1?sauce=x', '/sauce', /source/],
  ['/v1/deliveries?status=lost', '/status', /pending, retrying, delivered, dead, held/],
  ['/v1/deliveries?to=x', '/to', /RFC 3339/],
  ['/v1/meters?cursor=x', '/cursor', /does not belong/],
]

t.test('a faulty parameter is refused by its name, before ClickHouse is asked', async (t) => {
  const { get, statements } = await startApp(t)
  for (const [url, pointer, detail] of refused) {
    const response = await get(url)
    t.equal(response.statusCode, 400, url)
    t.match(response.headers['content-type'], /^application\/problem\+json/)
    const { errors } = response.json() as { errors: { pointer: string; detail: string }[] }
    t.equal(errors[0]?.pointer, pointer, url)
    t.match(errors[0]?.detail, detail, url)
  }
  t.same(statements, [])
})

t.test('an unknown meter, event or delivery is 404', async (t) => {
  const { get } = await startApp(t)
  for (const url of [
    '/v1/reports/nope',
    '/v1/meters/nope',
    '/v1/events/nope',
    '/v1/deliveries/nope',
    '/v1/nope',
  ]) {
    const response = await get(url)
    t.equal(response.statusCode, 404, url)
    t.match(response.json(), { type: 'urn:millrace:problem:not-found' })
  }
})

t.test('no event that was only received is in a list, and nobody has to be asked for that', async (t) => {
  const { get, statements } = await startApp(t)
  const response = await get('/v1/events?status=received')
  t.equal(response.statusCode, 200)
  t.same(response.json(), { events: [] })
  t.same(statements, [])
})

t.test('a body that is no JSON is refused by its media type', async (t) => {
  const { app } = await startApp(t)
  const headers = { authorization: `Bearer ${rootKey}`, 'content-type': 'text/plain' }
  const response = await app.inject({ method: 'POST', url: '/v1/reports/visits', headers, payload: '{}' })
  t.equal(response.statusCode, 415)
})

t.test('POST takes the same as JSON, with types of its own', async (t) => {
  const { app, statements } = await startApp(t, [])
  const post = (payload: unknown) =>
    app.inject({
      method: 'POST',
      url: '/v1/reports/visits',
      headers: { authorization: `Bearer ${rootKey}`, 'content-type': 'application/json' },
      payload: JSON.stringify(payload),
    })
  t.equal(
    (await post({ window: 'day', groupBy: ['page'], filter: { page: ['a,b'] }, limit: 5 })).statusCode,
    200,
  )
  t.equal(statements[0]?.parameters.filter0, 'a,b', 'a comma in a list is only a comma')
  t.equal((await post({ limit: '5' })).statusCode, 400, 'a number is a number')
  t.equal((await post({ colour: 1 })).statusCode, 400)
  t.equal((await post([])).statusCode, 400)
  t.equal((await post(null)).statusCode, 400)
})

t.test('commas and repeats make lists of groups, filters and orders', async (t) => {
  const { get, statements } = await startApp(t)
  await get('/v1/reports/visits?groupBy=page&filter.page=a,b&filter.page=c&order=-value,page')
  t.same(statements[0]?.parameters.filter0_0, ['a', 'b', 'c'])
  t.match(statements[0]?.sql, 'ORDER BY readings DESC, g0, w')
})

t.test('a report says how fresh it is, and 304 when its rows are known', async (t) => {
  const { get } = await startApp(t, [['0', '0', '42', '0']])
  const url = '/v1/reports/visits?to=2026-01-01T00:00:00Z'
  const first = await get(url)
  t.match(first.json(), { dataThrough: '2026-05-31T23:59:59.999995Z', rows: [{ value: 42 }] })
  const etag = String(first.headers.etag)
  t.match(etag, /^W\//)
  const second = await get(url, { 'if-none-match': `"other", ${etag}` })
  t.equal(second.statusCode, 304)
  t.equal(second.body, '')
  const csv = await get(url, { accept: 'text/csv', 'if-none-match': etag })
  t.equal(csv.statusCode, 200, 'another form is another answer')
  t.match(csv.headers['content-type'], 'text/csv')
  t.equal(csv.body, 'windowStart,windowEnd,value\r\n1970-01-01T00:00:00.000Z,2026-01-01T00:00:00.000Z,42\r\n')
  t.equal((await get(url, { accept: 'image/png' })).statusCode, 406)
})

t.test('a meter is shown with its version as ETag', async (t) => {
  const { get } = await startApp(t)
  const response = await get('/v1/meters/visits')
  t.equal(response.headers.etag, '"3"')
  t.match(response.json(), { name: 'visits', version: 3, aggregation: 'count' })
  t.equal((await get('/v1/meters/visits', { 'if-none-match': '"3"' })).statusCode, 304)
  t.match((await get('/v1/meters')).json(), { meters: [{ name: 'visits' }] })
})

t.test('the description of the API names every route', async (t) => {
  const { app } = await startApp(t)
  const { paths } = (await app.inject('/openapi.json')).json() as { paths: object }
  t.match(Object.keys(paths).sort(), [
    '/ping',
    '/v1/deliveries',
    '/v1/deliveries/summary',
    '/v1/deliveries/{id}',
    '/v1/endpoints',
    '/v1/endpoints/{name}',
    '/v1/event-types',
    '/v1/event-types/{name}',
    '/v1/events',
    '/v1/events/{id}',
    '/v1/keys',
    '/v1/keys/{name}',
    '/v1/meters',
    '/v1/meters/{name}',
    '/v1/postbacks/{id}',
    '/v1/replays',
    '/v1/replays/{name}',
    '/v1/reports/{meter}',
    '/v1/reports/{meter}/live',
    '/v1/settings',
  ])
})

t.test('addresses and bytes that no route ever sees are problem documents as well', async (t) => {
  const { app } = await startApp(t)
  await app.listen({ port: 0, host: '127.0.0.1' })
  for (const [bytes, status] of [
    ['GET /v1/%zz HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n', 400],
    [`GET /v1/meters/${'x'.repeat(13_000)} HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n`, 414],
    [`GET /ping HTTP/1.1\r\nhost: a\r\na: ${'x'.repeat(20_000)}\r\n\r\n`, 431],
    ['garbage\r\n\r\n', 400],
    ['GET /v1/reports/visits HTTP/1.1\r\nconnection: close\r\n\r\n', 400],
    ['GET /ping HTTP/1.1\r\nhost: a\r\nexpect: wonders\r\n\r\n', 417],
  ] as const) {
    const socket = connect((app.server.address() as AddressInfo).port, '127.0.0.1')
    socket.write(bytes)
    const answer = (await text(socket)).toLowerCase()
    t.match(answer, new RegExp(`^http/1.1 ${status} [^]*content-type: application/problem\\+json`))
    t.match(answer, /\r\nx-request-id: [\da-f-]{36}\r\n/)
    t.match(answer, /\r\ncontent-security-policy: default-src 'none'; /)
    t.match(answer, /\r\nx-content-type-options: nosniff\r\n/)
    t.notMatch(answer, /%zz|xxx|garbage/)
  }
})

t.test('a request has a minute to arrive', async (t) => {
  const { app } = await startApp(t)
  t.equal(app.server.requestTimeout, 60_000)
})

t.test('who sends too large a question is answered, however much of it is still to be sent', async (t) => {
  const { app } = await startApp(t)
  const address = await app.listen({ host: '127.0.0.1', port: 0 })
  const body = ' '.repeat(5 * 1024 * 1024)
  const headers = { authorization: `Bearer ${rootKey}`, 'content-type': 'application/json' }
  for (let time = 0; time < 5; time += 1) {
    const response = await fetch(`${address}/v1/reports/visits`, { method: 'POST', headers, body })
    t.equal(response.status, 413)
    await response.body?.cancel()
  }
})
