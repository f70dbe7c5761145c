import { once } from 'node:events'
import { createServer } from 'node:http'
import { json } from 'node:stream/consumers'
import { createKeyring, keyFor } from '@millrace/scripts/access'
import { installProblems } from '@millrace/service-kit/problem-http'
import { fastify } from 'fastify'
import t, { type Test } from 'tap'
import { addCommandRoutes } from '../src/http-commands.ts'
import { addSessionRoutes } from '../src/http-session.ts'
import { createSessions } from '../src/session.ts'

const key = keyFor('acme', 'events:read').slice('Bearer '.length)

async function startDoor(t: Test, ingestUrl?: string) {
  const app = fastify()
  t.teardown(() => app.close())
  installProblems(app)
  const sessions = createSessions({ rootKey: 'root-key-of-the-tests', sessionMinutes: 5 })
  addSessionRoutes(app, { authenticator: createKeyring(['acme']), sessions }, ingestUrl !== undefined)
  addCommandRoutes(app, sessions, { ingestUrl })
  const signIn = (headers: Record<string, string> = {}, text = key) =>
    app.inject({ method: 'POST', url: '/session', headers, payload: { key: text } })
  return { app, signIn }
}

function cookieOf(response: { headers: Record<string, unknown> }): string {
  return String(response.headers['set-cookie']).split(';')[0] ?? ''
}

t.test('a key signs in, and the cookie says who it is until it is taken back', async (t) => {
  const { app, signIn } = await startDoor(t)
  t.equal((await app.inject('/session')).statusCode, 204, 'nobody yet')
  const response = await signIn()
  t.match(response.json(), { tenant: 'acme', scopes: ['events:read'], takesCommands: false })
  t.notMatch(response.body, new RegExp(key))
  const cookie = String(response.headers['set-cookie'])
  for (const part of ['HttpOnly', 'SameSite=Strict', 'Path=/', 'Max-Age=300']) t.match(cookie, part)
  t.notMatch(cookie, /Secure/)
  const headers = { cookie: cookieOf(response) }
  t.match((await app.inject({ url: '/session', headers })).json(), { tenant: 'acme' })
  const left = await app.inject({ method: 'DELETE', url: '/session', headers })
  t.equal(left.statusCode, 204)
  t.match(left.headers['set-cookie'], /millrace-session=;.*Max-Age=0/)
})

t.test('behind TLS the cookie is sent over TLS only, to this host only', async (t) => {
  const { signIn } = await startDoor(t)
  const response = await signIn({ 'x-forwarded-proto': 'https' })
  t.match(response.headers['set-cookie'], /^__Host-millrace-session=.*; Secure;/)
})

t.test('requests of other sites are refused, and have no session', async (t) => {
  const { app, signIn } = await startDoor(t)
  const cookie = cookieOf(await signIn())
  const foreign = [
    { 'sec-fetch-site': 'cross-site' },
    { 'sec-fetch-site': 'same-site', origin: 'http://evil.example.com' },
    { origin: 'http://evil.example', host: 'mesh.example' },
    { origin: 'null' },
  ]
  for (const headers of foreign) {
    t.equal((await signIn(headers)).statusCode, 403, JSON.stringify(headers))
    const options = { headers: { ...headers, cookie } }
    t.equal((await app.inject({ method: 'DELETE', url: '/session', ...options })).statusCode, 403)
    t.equal((await app.inject({ url: '/session', ...options })).statusCode, 204)
    const command = { method: 'POST', url: '/console/v1/replays', payload: {}, ...options } as const
    t.equal((await app.inject(command)).statusCode, 403)
  }
  const own = await signIn({ origin: 'http://mesh.example', host: 'mesh.example' })
  t.equal(own.statusCode, 200, 'a page of the same host')
})

t.test('a wrong key is refused, and who tries many waits; a valid one signs in all the same', async (t) => {
  const { signIn } = await startDoor(t)
  for (let count = 0; count < 10; count += 1) t.equal((await signIn({}, 'mr_wrong')).statusCode, 401)
  const response = await signIn({}, 'mr_wrong')
  t.equal(response.statusCode, 429)
  t.ok(Number(response.headers['retry-after']) > 0)
  t.equal((await signIn()).statusCode, 200, 'somebody else behind the same gateway')
})

t.test('a session whose key is not good any more is taken back', async (t) => {
  const { app } = await startDoor(t)
  const sessions = createSessions({ rootKey: 'root-key-of-the-tests', sessionMinutes: 5 })
  const headers = { cookie: `millrace-session=${sessions.seal('mr_revoked').text}` }
  const response = await app.inject({ url: '/session', headers })
  t.equal(response.statusCode, 204)
  t.match(response.headers['set-cookie'], /Max-Age=0/)
})

t.test('commands go to ingest with the session’s key, byte by byte, and its answer comes back', async (t) => {
  const seen: { authorization?: string; url?: string; body?: unknown } = {}
  const ingest = createServer(async (request, response) => {
    Object.assign(seen, {
      authorization: request.headers.authorization,
      url: request.url,
      body: await json(request),
    })
    response.writeHead(429, {
      'content-type': 'application/problem+json',
      'retry-after': '7',
      'x-secret': 'no',
    })
    response.end('{"detail":"slow down"}')
  }).listen(0, '127.0.0.1')
  await once(ingest, 'listening')
  t.teardown(() => ingest.close())
  const { port } = ingest.address() as { port: number }
  const { app, signIn } = await startDoor(t, `http://127.0.0.1:${port}`)
  const send = (headers: Record<string, string>, url = '/console/v1/postbacks') =>
    app.inject({
      method: 'POST',
      url,
      headers: { 'content-type': 'application/json', ...headers },
      payload: '{"n": 1.10}',
    })
  t.equal((await send({})).statusCode, 401)
  t.equal(
    (await send({ authorization: `Bearer ${key}` })).statusCode,
    401,
    'a key alone is for ingest itself',
  )
  const response = await send({ cookie: cookieOf(await signIn()) })
  t.equal(response.statusCode, 429)
  t.equal(response.headers['retry-after'], '7')
  t.equal(response.headers['x-secret'], undefined)
  t.same(response.json(), { detail: 'slow down' })
  t.same(seen, { authorization: `Bearer ${key}`, url: '/v1/postbacks', body: { n: 1.1 } })
  const other = await send({ cookie: cookieOf(await signIn()) }, '/console/v1/keys')
  t.equal(other.statusCode, 404, 'nothing else is handed over')
})

t.test('without an ingest, or while it is away, commands say so', async (t) => {
  for (const [ingestUrl, status] of [
    [undefined, 404],
    ['http://127.0.0.1:1', 503],
  ] as const) {
    const { app, signIn } = await startDoor(t, ingestUrl)
    const headers = { cookie: cookieOf(await signIn()), 'content-type': 'application/json' }
    const response = await app.inject({ method: 'POST', url: '/console/v1/replays', headers, payload: '{}' })
    t.equal(response.statusCode, status)
  }
})

t.test('an answer of ingest that breaks off says that the command may have been accepted', async (t) => {
  const ingest = createServer((_request, response) => {
    response.writeHead(202, { 'content-length': '1000' })
    response.write('{', () => response.destroy())
  }).listen(0, '127.0.0.1')
  await once(ingest, 'listening')
  t.teardown(() => ingest.close())
  const { port } = ingest.address() as { port: number }
  const { app, signIn } = await startDoor(t, `http://127.0.0.1:${port}`)
  const headers = { cookie: cookieOf(await signIn()), 'content-type': 'application/json' }
  const response = await app.inject({ method: 'POST', url: '/console/v1/replays', headers, payload: '{}' })
  t.equal(response.statusCode, 503)
  t.match(response.json().detail, /may have accepted the command/)
})
