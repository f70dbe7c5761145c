import { type AddressInfo, connect } from 'node:net'
import { text } from 'node:stream/consumers'
import t from 'tap'
import { authorization, startSampleHttp } from './sample-doors.ts'

const json = { authorization, 'content-type': 'application/json' }

t.test('ping answers pong', async (t) => {
  const { app } = await startSampleHttp(t)
  const response = await app.inject('/ping')
  t.equal(response.body, 'pong')
  t.match(response.headers['content-type'], /^text\/plain/)
})

t.test('the routes are described as data and as a page that needs nothing else', async (t) => {
  const { app } = await startSampleHttp(t)
  const document = (await app.inject('/openapi.json')).json() as {
    openapi: string
    paths: Record<string, object>
  }
  t.equal(document.openapi, '3.1.0')
  t.match(document.paths, {
    '/v1/events': { post: {} },
    '/v1/postbacks': { post: {} },
    '/v1/event-types/{name}': { put: {}, delete: {} },
    '/v1/meters/{name}': { put: {}, delete: {} },
  })
  for (const [, ref] of JSON.stringify(document).matchAll(/"\$ref":"([^"]*)"/g)) {
    const parts = ref?.split('/').slice(1) ?? []
    const found = parts.reduce<unknown>(
      (value, part) => (value as Record<string, unknown> | undefined)?.[part],
      document,
    )
    t.ok(ref?.startsWith('#/') && found, `${ref} is in the document`)
  }
  const page = await app.inject('/docs')
  t.match(page.headers['content-type'], /^text\/html/)
  t.match(page.body, '<code>/v1/events</code>')
  t.match((await app.inject('/asyncapi.json')).json(), {
    asyncapi: '3.0.0',
    channels: { 'millrace-events': {} },
  })
  t.notMatch(page.body, /<script|src=|https?:\/\/(?![\w-]+\.example)/)
})

t.test('reading is somebody else’s: other methods and addresses are problem documents', async (t) => {
  const { app } = await startSampleHttp(t)
  const other = await app.inject('/v1/events')
  t.equal(other.statusCode, 405)
  t.equal(other.headers.allow, 'POST')
  t.match((await app.inject('/nowhere')).json(), { status: 404, type: 'urn:millrace:problem:not-found' })
})

t.test('a postback is answered with its deliveries, under both addresses', async (t) => {
  const { app, postbacks } = await startSampleHttp(t)
  const payload = '{"endpoint":{"method":"POST","url":"https://partner.example/"},"data":[{"n":1.10},{}]}'
  for (const url of ['/v1/postbacks', '/postback']) {
    const response = await app.inject({ method: 'POST', url, headers: json, payload })
    t.equal(response.statusCode, 202)
    t.same(response.json(), { id: 'pb_1', deliveries: [{ id: 'dl_0' }, { id: 'dl_1' }] })
  }
  t.equal(postbacks[0]?.data[0]?.toString(), '{"n":1.10}')
})

t.test('faulty postbacks are problem documents', async (t) => {
  const { app } = await startSampleHttp(t)
  const send = async (payload: string | undefined, headers: Record<string, string> = json) => {
    const request = {
      method: 'POST',
      url: '/v1/postbacks',
      headers,
      ...(payload !== undefined && { payload }),
    } as const
    const response = await app.inject(request)
    t.equal(response.headers['content-type'], 'application/problem+json')
    return response.statusCode
  }
  t.equal(await send('{"endpoint":{}}'), 400)
  t.equal(await send('{'), 400)
  t.equal(await send(''), 400)
  t.equal(await send(undefined), 400)
  t.equal(await send('{}', { 'content-type': 'application/json' }), 401)
  t.equal(await send('a', { authorization, 'content-type': 'text/plain' }), 415)
  t.equal(await send(`{"a":"${'a'.repeat(11_000)}"}`), 413)
})

t.test('a catalog write answers the resource with its version as ETag', async (t) => {
  const { app, writes } = await startSampleHttp(t)
  const put = { method: 'PUT', url: '/v1/meters/visits', headers: json } as const
  const payload = '{"eventTypes":["visit.recorded"],"aggregation":"count"}'
  const created = await app.inject({ ...put, payload })
  t.equal(created.statusCode, 201)
  t.equal(created.headers.etag, '"3"')
  t.same(created.json(), {
    name: 'visits',
    version: 3,
    updatedAt: '2024-01-01T00:00:00Z',
    updatedBy: 'root',
    eventTypes: ['visit.recorded'],
    aggregation: 'count',
  })
  const changed = await app.inject({ ...put, payload, headers: { ...json, 'if-match': '"2", W/"7", "3"' } })
  t.equal(changed.statusCode, 200)
  const deleted = await app.inject({
    method: 'DELETE',
    url: put.url,
    headers: { authorization, 'if-match': '*' },
  })
  t.equal(deleted.statusCode, 200)
  t.match(writes, [
    { tenant: 'default', kind: 'meter', name: 'visits', application: 'root', body: { aggregation: 'count' } },
    { ifMatch: [2, 3] },
    { ifMatch: '*', body: undefined },
  ])
})

t.test('names of event types are CloudEvents types, those of meters simple names', async (t) => {
  const { app, writes } = await startSampleHttp(t)
  const put = async (url: string, payload: object): Promise<number> =>
    (await app.inject({ method: 'PUT', url, headers: json, payload })).statusCode
  t.equal(await put('/v1/event-types/care.x-ray', {}), 201)
  t.equal(await put('/v1/event-types/com.example%2Fvisit:v2', {}), 200)
  t.equal(await put(`/v1/event-types/${'a'.repeat(256)}`, {}), 200)
  t.same(
    writes.map(({ name }) => name),
    ['care.x-ray', 'com.example/visit:v2', 'a'.repeat(256)],
  )
  t.equal(await put(`/v1/event-types/${'a'.repeat(257)}`, {}), 400)
  t.equal(await put('/v1/event-types/a%20b', {}), 400)
  t.equal(await put('/v1/event-types/a%00b', {}), 400)
  t.equal(await put('/v1/meters/a%2Fb', { eventTypes: ['a'], aggregation: 'count' }), 400)
})

t.test('faulty resources are problem documents with pointers', async (t) => {
  const { app, writes } = await startSampleHttp(t)
  const put = async (url: string, payload: string, headers: Record<string, string> = json) =>
    app.inject({ method: 'PUT', url, headers, payload })
  t.match((await put('/v1/meters/m', '{"eventTypes":["a"],"aggregation":"sum"}')).json(), {
    status: 400,
    errors: [{ pointer: '/value' }],
  })
  t.match((await put('/v1/meters/m', '{"eventTypes":["a*"],"aggregation":"p50","value":"/data"}')).json(), {
    status: 400,
    errors: [{ pointer: '/eventTypes/0' }],
  })
  t.match((await put('/v1/event-types/t', '{"schema":{"type":"objct"}}')).json(), {
    status: 400,
    errors: [{ pointer: '/schema' }],
  })
  t.match((await put('/v1/event-types/t', '{"schema":')).json(), { status: 400 })
  t.match((await put('/v1/event-types/t', '')).json(), { status: 400 })
  t.match((await put('/v1/event-types/t', '{"a":{"__proto__":1}}')).json(), { status: 400 })
  t.match((await put('/v1/event-types/t', 'a', { authorization, 'content-type': 'text/plain' })).json(), {
    status: 415,
  })
  t.match((await put('/v1/event-types/t', '{}', { 'content-type': 'application/json' })).json(), {
    status: 401,
  })
  t.match((await put('/v1/event-types/t', '{}', { ...json, 'if-none-match': '"1"' })).json(), { status: 400 })
  t.same(writes, [])
})

t.test('addresses and bytes that no route ever sees are problem documents as well', async (t) => {
  const { app } = await startSampleHttp(t)
  await app.listen({ port: 0, host: '127.0.0.1' })
  for (const [bytes, status] of [
    ['GET /v1/%zz HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n', 400],
    [`PUT /v1/meters/${'x'.repeat(13_000)} HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n`, 414],
    [`GET /ping HTTP/1.1\r\nhost: a\r\na: ${'x'.repeat(20_000)}\r\n\r\n`, 431],
    ['garbage\r\n\r\n', 400],
  ] as const) {
    const socket = connect((app.server.address() as AddressInfo).port, '127.0.0.1')
    socket.write(bytes)
    const answer = (await text(socket)).toLowerCase()
    t.match(answer, new RegExp(`^http/1.1 ${status} [^]*content-type: application/problem\\+json`))
    t.match(answer, /\r\nx-request-id: [\da-f-]{36}\r\n/)
    t.notMatch(answer, /%zz|xxx|garbage/)
  }
})
