import { brotliCompressSync, gzipSync, zstdCompressSync } from 'node:zlib'
import { ServiceError } from '@millrace/service-kit/errors'
import t from 'tap'
import { authorization, startSampleHttp } from './sample-doors.ts'

const post = { method: 'POST', url: '/v1/events' } as const
const json = { authorization, 'content-type': 'application/json' }
const event = '{"specversion":"1.0","id":"1","source":"/shop","type":"order.paid","data":{"amount":1.10}}'

t.test('accepted events are answered with 202 and their ids', async (t) => {
  const { app, accepted } = await startSampleHttp(t)
  for (const [contentType, payload, ids] of [
    ['application/json', '{"type":"a"}', ['new-id']],
    ['application/json; charset=UTF-8', `[${event}]`, ['1']],
    ['application/cloudevents+json', event, ['1']],
    ['application/cloudevents+json; charset=utf-8', event, ['1']],
    ['Application/CloudEvents-Batch+JSON', `[${event},${event}]`, ['1', '1']],
    ['application/cloudevents-batch+json', '[]', []],
    ['application/x-ndjson', `${event}\n{"type":"b"}\n`, ['1', 'new-id']],
  ] as const) {
    const response = await app.inject({
      ...post,
      headers: { authorization, 'content-type': contentType },
      payload,
    })
    t.equal(response.statusCode, 202, contentType)
    t.same(response.json(), { accepted: ids.length, ids })
    t.match(response.headers['x-request-id'], /./)
  }
  t.equal(accepted[1]?.data.toString(), '{"amount":1.10}')
})

t.test('binary mode takes attributes from headers', async (t) => {
  const { app, accepted } = await startSampleHttp(t)
  const headers = {
    'ce-specversion': '1.0',
    'ce-id': '1',
    'ce-source': '/shop',
    'ce-type': 'a',
    authorization,
  }
  const response = await app.inject({
    ...post,
    headers: { ...headers, 'content-type': 'text/csv' },
    payload: 'a,b',
  })
  t.equal(response.statusCode, 202)
  t.match(accepted, [{ id: '1', dataContentType: 'text/csv' }])
  t.equal(accepted[0]?.data.toString(), 'a,b')
  const jsonData = await app.inject({
    ...post,
    headers: { ...headers, 'content-type': 'application/json' },
    payload: '{"a": 1.0}',
  })
  t.equal(jsonData.statusCode, 202, 'JSON data is not taken for a plain event')
  t.equal(accepted[1]?.data.toString(), '{"a": 1.0}')
  t.equal((await app.inject({ ...post, headers })).statusCode, 202, 'without a body')
})

t.test('the trace of the request goes on in its events', async (t) => {
  const { app, accepted } = await startSampleHttp(t)
  const trace = 'a'.repeat(32)
  await app.inject({
    ...post,
    headers: { ...json, traceparent: `00-${trace}-${'b'.repeat(16)}-01` },
    payload: '{"type":"a"}',
  })
  await app.inject({ ...post, headers: json, payload: '{"type":"a"}' })
  t.match(accepted[0]?.traceparent, new RegExp(`^00-${trace}-[0-9a-f]{16}-01$`))
  t.match(accepted[1]?.traceparent, /^00-[0-9a-f]{32}-[0-9a-f]{16}-00$/)
})

t.test('whatever is wrong is a problem document that says what to change', async (t) => {
  const { app, accepted } = await startSampleHttp(t)
  const table: readonly (readonly [
    what: string,
    request: { headers: Record<string, string>; payload?: string; url?: string },
    status: number,
    code: string,
  ])[] = [
    ['no key', { headers: { 'content-type': 'application/json' }, payload: event }, 401, 'unauthenticated'],
    [
      'a bad key',
      { headers: { ...json, authorization: 'Bearer nonsense-nonsense' }, payload: event },
      401,
      'unauthenticated',
    ],
    [
      'another scheme',
      { headers: { ...json, authorization: 'Basic abc' }, payload: event },
      401,
      'unauthenticated',
    ],
    ['malformed JSON', { headers: json, payload: '{"type":' }, 400, 'invalid-request'],
    ['no body', { headers: json }, 400, 'invalid-request'],
    ['a faulty event', { headers: json, payload: '{"type":1}' }, 400, 'invalid-request'],
    [
      'an unknown media type',
      { headers: { ...json, 'content-type': 'text/csv' }, payload: 'a' },
      415,
      'unsupported-media-type',
    ],
    ['no media type', { headers: { authorization }, payload: 'a' }, 415, 'unsupported-media-type'],
    [
      'another charset',
      { headers: { ...json, 'content-type': 'application/json; charset=latin1' }, payload: event },
      415,
      'unsupported-media-type',
    ],
    [
      'an unknown coding',
      { headers: { ...json, 'content-encoding': 'deflate' }, payload: event },
      415,
      'unsupported-media-type',
    ],
    [
      'a body that is not in its coding',
      { headers: { ...json, 'content-encoding': 'gzip' }, payload: event },
      400,
      'invalid-request',
    ],
    ['too large a body', { headers: json, payload: `{"type":"${'a'.repeat(11_000)}"}` }, 413, 'too-large'],
    [
      'too many events',
      { headers: json, payload: JSON.stringify(Array(101).fill({ type: 'a' })) },
      413,
      'too-large',
    ],
    [
      'a query parameter',
      { headers: json, payload: event, url: '/v1/events?wait=queryable' },
      400,
      'invalid-request',
    ],
  ]
  for (const [what, request, status, code] of table) {
    const response = await app.inject({ ...post, ...request })
    t.equal(response.statusCode, status, what)
    t.equal(response.headers['content-type'], 'application/problem+json')
    t.match(response.headers['x-request-id'], /./)
    const problem = response.json() as Record<string, unknown>
    t.match(problem, { type: `urn:millrace:problem:${code}`, status, title: /./, detail: /./ })
    t.notMatch(response.body, /node_modules|\.ts:|\n +at /)
  }
  t.same(accepted, [])
})

t.test('compressed bodies are taken in every form, and their limit is that of what comes out', async (t) => {
  const { app, accepted } = await startSampleHttp(t)
  const send = (contentType: string, coding: string, payload: Buffer) =>
    app.inject({
      ...post,
      headers: { authorization, 'content-type': contentType, 'content-encoding': coding },
      payload,
    })
  const lines = `${event}\n`.repeat(50)
  t.equal((await send('application/cloudevents+json', 'gzip', gzipSync(event))).statusCode, 202)
  t.equal((await send('application/json', 'br', brotliCompressSync(`[${event}]`))).statusCode, 202)
  t.equal((await send('application/x-ndjson', 'zstd', zstdCompressSync(lines))).statusCode, 202)
  t.equal(accepted.length, 52)
  t.equal(accepted.at(-1)?.data.toString(), '{"amount":1.10}')
  const large = await send('application/x-ndjson', 'zstd', zstdCompressSync(`${event}\n`.repeat(1_000)))
  t.equal(large.statusCode, 413)
  const cut = await send('application/x-ndjson', 'gzip', gzipSync(lines).subarray(0, -9))
  t.equal(cut.statusCode, 400)
  t.match(cut.json(), { detail: /cut off/ })
  const unknown = await send('application/json', 'compress', Buffer.from(event))
  t.equal(unknown.headers['accept-encoding'], 'gzip, br, zstd')
  t.equal(accepted.length, 52)
})

t.test('each fault of a batch is an entry with index, pointer and detail', async (t) => {
  const { app } = await startSampleHttp(t)
  const response = await app.inject({
    ...post,
    headers: json,
    payload: `[${event},{"type":"a","time":"x"},7]`,
  })
  t.match(response.json(), {
    errors: [
      { index: 1, pointer: '/time', detail: /RFC 3339/ },
      { index: 2, pointer: '', detail: /object/ },
    ],
  })
})

t.test('Kafka out of reach is 503 with retry-after', async (t) => {
  const { app } = await startSampleHttp(t, {
    acceptEvents: async () => {
      throw new ServiceError('unavailable', 'Kafka cannot be reached now.')
    },
  })
  const response = await app.inject({ ...post, headers: json, payload: event })
  t.equal(response.statusCode, 503)
  t.equal(response.headers['retry-after'], '1')
})

t.test('a confirmation that never comes is 503 at the request’s deadline', async (t) => {
  const { app } = await startSampleHttp(t, { acceptEvents: () => new Promise(() => undefined) })
  const response = await app.inject({ ...post, headers: json, payload: event })
  t.equal(response.statusCode, 503)
  t.match(response.json(), { detail: /did not confirm/ })
})

t.test('a fault of ours is 500 without its inside', async (t) => {
  const { app } = await startSampleHttp(t, {
    acceptEvents: async () => {
      throw new TypeError('secret inside')
    },
  })
  const response = await app.inject({ ...post, headers: json, payload: event })
  t.equal(response.statusCode, 500)
  t.notMatch(response.body, /secret/)
})

t.test('requests are counted by route and status, whatever address was tried', async (t) => {
  const { app, metrics } = await startSampleHttp(t)
  await app.inject({ ...post, headers: json, payload: event })
  await app.inject({ ...post, headers: json, payload: '{' })
  await app.inject({ method: 'GET', url: '/some/where' })
  const text = await metrics.metrics()
  t.match(text, 'millrace_ingest_requests_total{route="POST /v1/events",status="202"} 1')
  t.match(text, 'millrace_ingest_requests_total{route="GET unmatched",status="404"} 1')
  t.match(text, 'millrace_ingest_events_accepted_total 1')
  t.match(text, 'millrace_ingest_requests_refused_total{code="invalid-request"} 1')
})

t.test('wait=stored answers 200 once the events can be queried, else 202 that says so', async (t) => {
  const answers: unknown[] = []
  for (const stored of [true, false]) {
    const positions = [{ partition: 3, offset: 7 }]
    const { app } = await startSampleHttp(t, {
      acceptEvents: async () => ({ ids: ['1'], positions }),
      storedWatch: {
        until: async (waitedFor) => {
          t.equal(waitedFor, positions)
          return stored
        },
      },
    })
    const response = await app.inject({
      ...post,
      url: '/v1/events?wait=stored',
      headers: json,
      payload: event,
    })
    answers.push([response.statusCode, response.json()])
  }
  t.same(answers, [
    [200, { accepted: 1, ids: ['1'], stored: true }],
    [202, { accepted: 1, ids: ['1'], stored: false }],
  ])
})

t.test('the wait for storage ends with the request’s time, ours or the caller’s', async (t) => {
  const { app } = await startSampleHttp(t, {
    storedWatch: {
      until: (_positions, signal) =>
        new Promise((resolve) => signal.addEventListener('abort', () => resolve(false))),
    },
  })
  for (const prefer of ['', 'wait=1']) {
    const response = await app.inject({
      ...post,
      url: '/v1/events?wait=stored',
      headers: { ...json, prefer },
      payload: event,
    })
    t.equal(response.statusCode, 202)
    t.match(response.json(), { stored: false })
  }
})

t.test('a caller’s time that is over before its body has come costs no work', async (t) => {
  const { app, accepted } = await startSampleHttp(t)
  const response = await app.inject({ ...post, headers: { ...json, prefer: 'wait=0' }, payload: event })
  t.equal(response.statusCode, 503)
  t.match(response.json(), { detail: /nothing was accepted/ })
  t.equal(response.headers['retry-after'], '1')
  t.same(accepted, [])
})

t.test('a confirmation that comes after the caller’s time is not waited for', async (t) => {
  const { app } = await startSampleHttp(
    t,
    { acceptEvents: () => new Promise(() => undefined) },
    { requestTimeoutMs: 60_000 },
  )
  const response = await app.inject({ ...post, headers: { ...json, prefer: 'wait=1' }, payload: event })
  t.equal(response.statusCode, 503)
  t.match(response.json(), { detail: /did not confirm/ })
})
