import { installProblems } from '@millrace/service-kit/problem-http'
import { fastify } from 'fastify'
import t, { type Test } from 'tap'
import { addConsoleRoutes, consolePaths } from '../src/http-console.ts'
import { installSecurityHeaders, readSecurityHeaders } from '../src/security-headers.ts'

const file = (name: string, type: string, compressed: boolean) => ({
  name,
  type,
  plain: Buffer.from(`plain ${name}`),
  brotli: compressed ? Buffer.from(`brotli ${name}`) : undefined,
  gzip: compressed ? Buffer.from(`gzip ${name}`) : undefined,
})

async function startDoor(
  t: Test,
  files = [file('index.html', 'text/html', true), file('assets/a-1.js', 'text/javascript', true)],
) {
  const app = fastify()
  t.teardown(() => app.close())
  installSecurityHeaders(app, readSecurityHeaders(false))
  installProblems(app)
  addConsoleRoutes(app, files)
  return app
}

t.test('every view is the page, under a policy without anything inline or from elsewhere', async (t) => {
  const app = await startDoor(t)
  for (const path of consolePaths) {
    const response = await app.inject(path)
    t.equal(response.body, 'plain index.html')
    const policy = String(response.headers['content-security-policy'])
    t.match(policy, "default-src 'none'")
    t.notMatch(policy, /unsafe|https?:/)
    t.equal(response.headers['cache-control'], 'no-cache')
    const known = await app.inject({ url: path, headers: { 'if-none-match': String(response.headers.etag) } })
    t.equal(known.statusCode, 304)
  }
})

t.test('assets are for ever, in the encoding that the browser takes', async (t) => {
  const app = await startDoor(t)
  for (const [accepted, body] of [
    ['gzip, deflate, br', 'brotli assets/a-1.js'],
    ['gzip', 'gzip assets/a-1.js'],
    ['br;q=0, gzip', 'gzip assets/a-1.js'],
    ['identity', 'plain assets/a-1.js'],
  ] as const) {
    const response = await app.inject({ url: '/assets/a-1.js', headers: { 'accept-encoding': accepted } })
    t.equal(response.body, body)
    t.match(response.headers, { 'cache-control': /immutable/, vary: 'accept-encoding' })
  }
})

t.test('every response has the headers that keep browsers safe, errors too', async (t) => {
  const app = await startDoor(t)
  for (const path of ['/', '/assets/a-1.js', '/nothing-here']) {
    const { headers } = await app.inject(path)
    for (const name of [
      'content-security-policy',
      'x-content-type-options',
      'referrer-policy',
      'cross-origin-resource-policy',
    ]) {
      t.ok(headers[name], `${path} ${name}`)
    }
  }
})

t.test('where it was not built it says how to', async (t) => {
  const app = await startDoor(t, [])
  const response = await app.inject('/')
  t.equal(response.statusCode, 503)
  t.match(response.json(), { detail: /make setup/ })
})
