import { brotliCompressSync, gzipSync, zstdCompressSync } from 'node:zlib'
import type { FastifyInstance, InjectOptions } from 'fastify'
import t from 'tap'
import { authorization, startSampleHttp } from './sample-doors.ts'

const json = { authorization, 'content-type': 'application/json' }
const meter = '{"eventTypes":["a"],"aggregation":"count"}'
const postback = '{"endpoint":{"method":"POST","url":"https://partner.example/"},"data":[{"n":1.10}]}'

interface Problem {
  readonly statusCode: number
  readonly type: string
  readonly detail: string
}

async function problemOf(app: FastifyInstance, request: InjectOptions): Promise<Problem> {
  const response = await app.inject(request)
  const { type, detail } = response.json() as Problem
  return { statusCode: response.statusCode, type, detail }
}

t.test('bodies of every route may be compressed, up to their limit', async (t) => {
  const { app, writes, postbacks } = await startSampleHttp(t)
  const put = { method: 'PUT', url: '/v1/meters/m' } as const
  for (const [coding, encode] of [
    ['gzip', gzipSync],
    ['br', brotliCompressSync],
    ['zstd', zstdCompressSync],
  ] as const) {
    const headers = { ...json, 'content-encoding': coding }
    t.match((await app.inject({ ...put, headers, payload: encode(meter) })).statusCode, /^20[01]$/, coding)
    const post = { method: 'POST', url: '/v1/postbacks', headers } as const
    t.equal((await app.inject({ ...post, payload: encode(postback) })).statusCode, 202, coding)
    t.match(await problemOf(app, { ...put, headers, payload: meter }), {
      statusCode: 400,
      detail: /content-encoding/,
    })
    const large = encode(`{"description":"${'a'.repeat(300_000)}"}`)
    t.match(await problemOf(app, { ...put, headers, payload: large }), { statusCode: 413 })
    t.match(await problemOf(app, { ...post, payload: large }), { statusCode: 413 })
  }
  t.equal(writes.length, 3)
  t.equal(postbacks[2]?.data[0]?.toString(), '{"n":1.10}')
})

t.test('an unknown coding is 415 that says which are understood', async (t) => {
  const { app } = await startSampleHttp(t)
  for (const [method, url] of [
    ['POST', '/v1/events'],
    ['POST', '/v1/postbacks'],
    ['PUT', '/v1/meters/m'],
  ] as const) {
    const response = await app.inject({
      method,
      url,
      headers: { ...json, 'content-encoding': 'lzma' },
      payload: '{}',
    })
    t.equal(response.statusCode, 415, url)
    t.equal(response.headers['accept-encoding'], 'gzip, br, zstd')
    t.match(response.json(), { detail: /"lzma" is not understood/ })
  }
})

t.test('a transfer-encoding that is not only chunked is refused', async (t) => {
  const { app } = await startSampleHttp(t)
  const headers = { ...json, 'transfer-encoding': 'gzip, chunked' }
  const problem = await problemOf(app, { method: 'PUT', url: '/v1/meters/m', headers, payload: meter })
  t.match(problem, { statusCode: 400, detail: /transfer-encoding/ })
})

t.test('names that readers read in different ways are told with their place', async (t) => {
  const { app, writes, postbacks } = await startSampleHttp(t)
  for (const [payload, detail] of [
    ['{"a":{"__proto__":1}}', /\/a\/__proto__ is a name that no member may have/],
    ['{"__proto__":{"admin":true},"eventTypes":["a"]}', /\/__proto__/],
    ['{"aggregation":"sum","aggregation":"count"}', /\/aggregation is given more than once/],
  ] as const) {
    const sent = { headers: json, payload }
    t.match(await problemOf(app, { method: 'PUT', url: '/v1/meters/m', ...sent }), {
      statusCode: 400,
      detail,
    })
    t.match(await problemOf(app, { method: 'POST', url: '/v1/postbacks', ...sent }), {
      statusCode: 400,
      detail,
    })
  }
  t.same([...writes, ...postbacks], [])
})

t.test('a DELETE needs no body, whatever its content-type says', async (t) => {
  const { app, writes } = await startSampleHttp(t)
  for (const extra of [{}, { payload: '' }, { payload: '{}' }]) {
    const response = await app.inject({ method: 'DELETE', url: '/v1/meters/m', headers: json, ...extra })
    t.equal(response.statusCode, 200)
  }
  t.equal(writes.length, 3)
  t.match(await problemOf(app, { method: 'PUT', url: '/v1/meters/m', headers: json, payload: '' }), {
    statusCode: 400,
    detail: /empty/,
  })
})

t.test('query parameters that a route does not know are named', async (t) => {
  const { app, writes, postbacks } = await startSampleHttp(t)
  for (const request of [
    { method: 'PUT', url: '/v1/meters/m?dry-run=1', payload: meter },
    { method: 'POST', url: '/v1/postbacks?dry-run=1', payload: postback },
    { method: 'POST', url: '/postback?dry-run=1', payload: postback },
    { method: 'POST', url: '/v1/events?dry-run=1', payload: '{"type":"a"}' },
  ] as const) {
    t.match(
      await problemOf(app, { ...request, headers: json }),
      { statusCode: 400, detail: /dry-run/ },
      request.url,
    )
  }
  t.same([...writes, ...postbacks], [])
})

t.test('other media types are 415 on every route that takes a body', async (t) => {
  const { app } = await startSampleHttp(t)
  const document = (await app.inject('/openapi.json')).json() as {
    paths: Record<string, Record<string, object>>
  }
  let routes = 0
  for (const [path, operations] of Object.entries(document.paths)) {
    for (const [method, operation] of Object.entries(operations)) {
      if (!('requestBody' in operation)) continue
      routes += 1
      for (const contentType of [
        'text/plain',
        'application/xml',
        'multipart/form-data; boundary=x',
        'nonsense',
        '',
      ]) {
        const response = await app.inject({
          method: method.toUpperCase() as 'POST',
          url: path.replaceAll(/\{\w+\}/g, 'x'),
          headers: { authorization, 'content-type': contentType },
          payload: meter,
        })
        t.equal(response.statusCode, 415, `${method} ${path} with "${contentType}"`)
        t.equal(response.headers['content-type'], 'application/problem+json')
      }
    }
  }
  t.ok(routes >= 8, `${routes} routes`)
})
