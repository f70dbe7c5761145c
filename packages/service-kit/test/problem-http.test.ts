import { once } from 'node:events'
import { type AddressInfo, connect } from 'node:net'
import { text } from 'node:stream/consumers'
import { fastify } from 'fastify'
import t, { type Test } from 'tap'
import { ServiceError } from '../src/errors.ts'
import { clientErrorHandler, frameworkErrors, installProblems, requestIdOf } from '../src/problem-http.ts'

async function startApp(t: Test) {
  const app = fastify({
    genReqId: (request) => requestIdOf(request),
    bodyLimit: 64,
    routerOptions: { maxParamLength: 20 },
    frameworkErrors,
    clientErrorHandler,
  })
  installProblems(app)
  app.get('/behind', () => {
    throw new ServiceError('unavailable', 'Kafka is behind.', { retryAfterSeconds: 7 })
  })
  app.get('/bug', () => {
    throw new TypeError('secret internals')
  })
  app.post('/things', () => ({}))
  app.get('/things/:name', () => ({}))
  app.get('/stream', (_request, reply) => {
    reply.hijack()
    reply.raw.write('data')
  })
  t.teardown(() => app.close())
  return app
}

t.test('a service error becomes a problem document with retry-after', async (t) => {
  const app = await startApp(t)
  const response = await app.inject('/behind')
  t.equal(response.statusCode, 503)
  t.equal(response.headers['retry-after'], '7')
  t.match(response.headers['content-type'], /^application\/problem\+json/)
  t.same(response.json(), {
    type: 'urn:millrace:problem:unavailable',
    title: 'The service cannot do this now',
    status: 503,
    detail: 'Kafka is behind.',
  })
})

t.test('a bug answers 500 and tells nothing of its insides', async (t) => {
  const app = await startApp(t)
  const response = await app.inject('/bug')
  t.equal(response.statusCode, 500)
  t.notMatch(response.body, /secret internals|at /)
})

t.test('malformed JSON, a large body and an unknown media type each have their own answer', async (t) => {
  const app = await startApp(t)
  const post = async (contentType: string, payload: string) =>
    (
      await app.inject({ method: 'POST', url: '/things', headers: { 'content-type': contentType }, payload })
    ).json()
  t.match(await post('application/json', '{"a":'), {
    status: 400,
    type: 'urn:millrace:problem:invalid-request',
  })
  t.match(await post('application/json', JSON.stringify('x'.repeat(100))), { status: 413 })
  t.match(await post('image/png', 'x'), { status: 415 })
})

t.test('an unknown address is 404, a known one with another method 405 with allow', async (t) => {
  const app = await startApp(t)
  t.equal((await app.inject('/nowhere')).statusCode, 404)
  const response = await app.inject({ method: 'DELETE', url: '/things' })
  t.equal(response.statusCode, 405)
  t.equal(response.headers.allow, 'POST')
  t.equal((await app.inject({ method: 'POST', url: '/things/' })).statusCode, 404, 'the name of nothing')
})

t.test('a harmless request id is kept, any other is replaced', async (t) => {
  const app = await startApp(t)
  const send = async (id: string) =>
    (await app.inject({ url: '/nowhere', headers: { 'x-request-id': id } })).headers['x-request-id']
  t.equal(await send('order-42'), 'order-42')
  t.not(await send('bad id\twith blanks'), 'bad id\twith blanks')
})

/** What the server answers to these bytes until it closes the connection. */
async function exchange(port: number, bytes: string) {
  const socket = connect(port, '127.0.0.1')
  socket.write(bytes)
  const answer = await text(socket)
  const [head = '', body = ''] = answer.split('\r\n\r\n')
  return { answer, head: head.toLowerCase(), body }
}

t.test('what never reaches a route is answered like everything else, and is not repeated', async (t) => {
  const app = await startApp(t)
  await app.listen({ port: 0, host: '127.0.0.1' })
  const { port } = app.server.address() as AddressInfo
  const get = (path: string, header = 'a: b') =>
    `GET ${path} HTTP/1.1\r\nhost: a\r\nconnection: close\r\n${header}\r\n\r\n`
  const cases = [
    ['a bad escape', get('/things/marker%zz', 'x-request-id: order-42'), 400, 'invalid-request'],
    ['a long name', get(`/things/marker${'x'.repeat(30)}`, 'x-request-id: order-42'), 414, 'uri-too-long'],
    ['large headers', get('/things/a', `a: marker${'x'.repeat(20_000)}`), 431, 'headers-too-large'],
    ['garbage', 'marker marker\r\n\r\n', 400, 'invalid-request'],
  ] as const
  for (const [name, bytes, status, code] of cases) {
    const { answer, head, body } = await exchange(port, bytes)
    t.match(head, new RegExp(`^http/1.1 ${status} `), name)
    t.match(head, /\r\ncontent-type: application\/problem\+json/, name)
    t.match(
      head,
      bytes.includes('order-42') ? /\r\nx-request-id: order-42/ : /\r\nx-request-id: [\da-f-]{36}/,
      name,
    )
    t.equal(head.match(/\r\ncontent-length: (\d+)/)?.[1], String(Buffer.byteLength(body)), name)
    t.match(JSON.parse(body), { type: `urn:millrace:problem:${code}`, status }, name)
    t.notMatch(answer, /marker/, name)
  }
})

t.test('garbage behind a request whose answer has begun ends it, and is no part of it', async (t) => {
  const app = await startApp(t)
  await app.listen({ port: 0, host: '127.0.0.1' })
  const socket = connect((app.server.address() as AddressInfo).port, '127.0.0.1')
  socket.write('GET /stream HTTP/1.1\r\nhost: a\r\n\r\n')
  const [first] = (await once(socket, 'data')) as [Buffer]
  t.match(String(first), /^HTTP\/1.1 200/)
  socket.write('garbage\r\n\r\n')
  t.notMatch(await text(socket), /HTTP/)
})
