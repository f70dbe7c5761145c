// Which answers go out compressed.
import { gunzipSync } from 'node:zlib'
import { fastify } from 'fastify'
import t, { type Test } from 'tap'
import { mayCompress, sendPage } from '../src/send-compressed.ts'

const long = JSON.stringify({ events: Array.from({ length: 1_000 }, (_, index) => ({ id: `e${index}` })) })

async function start(t: Test) {
  const app = fastify()
  app.get('/long', (request, reply) => sendPage(request, reply, long))
  app.get('/short', (request, reply) => sendPage(request, reply, '{"events":[]}'))
  t.teardown(() => app.close())
  return async (url: string, headers: Record<string, string>) => {
    const response = await app.inject({ url, headers })
    return { headers: response.headers, bytes: response.rawPayload }
  }
}

t.test('a long page is compressed for who shows a key and takes it', async (t) => {
  const get = await start(t)
  const key = { authorization: 'Bearer k' }
  const { headers, bytes } = await get('/long', { ...key, 'accept-encoding': 'br, gzip' })
  t.match(headers, { 'content-encoding': 'gzip', vary: /accept-encoding/, 'content-type': /json/ })
  t.equal(Number(headers['content-length']), bytes.length)
  t.ok(bytes.length < long.length / 2)
  t.equal(gunzipSync(bytes).toString(), long)
  for (const accept of ['identity', 'gzip;q=0', 'br']) {
    const plain = await get('/long', { ...key, 'accept-encoding': accept })
    t.equal(plain.headers['content-encoding'], undefined, accept)
    t.match(plain.headers, { vary: /accept-encoding/ })
    t.equal(plain.bytes.toString(), long)
  }
  t.equal((await get('/short', { ...key, 'accept-encoding': 'gzip' })).headers['content-encoding'], undefined)
})

t.test('what a session asks for is not compressed: its length would tell of the rows', async (t) => {
  const get = await start(t)
  const cookie = 'millrace-session=x'
  const { headers, bytes } = await get('/long', { cookie, 'accept-encoding': 'gzip' })
  t.equal(headers['content-encoding'], undefined)
  t.equal(bytes.toString(), long)
  t.notOk(mayCompress({ headers: { cookie, 'accept-encoding': 'gzip' } }))
})
