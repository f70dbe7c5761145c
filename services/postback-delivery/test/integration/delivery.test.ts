import { Outcome } from '@millrace/proto'
import t from 'tap'
import { makeDelivery } from '../helper.ts'
import { numbered, startMesh, startReceiver, startService, until } from './helper.ts'

const mesh = await startMesh()
const service = await startService(mesh)
t.teardown(async () => {
  await service.stop()
  await mesh.stop()
})
await until('the service is ready', () => service.readiness.isReady())

t.test('a GET and a POST arrive with their macros filled in, and are accounted for', async (t) => {
  const receiver = await startReceiver()
  t.teardown(receiver.stop)
  const traceparent = '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01'
  await mesh.request([
    makeDelivery({
      id: 'get-1',
      request: {
        method: 'GET',
        url: `${receiver.origin}/data?title={mascot}&image={location}&foo={bar}`,
        defaults: { bar: '' },
      },
      data: { mascot: 'Gopher', location: 'https://blog.example/gopher.png' },
    }),
    makeDelivery({
      id: 'post-1',
      traceparent,
      request: { url: `${receiver.origin}/hook/{id}`, headers: { 'X-Team': 'eu' } },
      data: { id: 7, nested: { é: true } },
    }),
  ])
  await until('both are accounted for', () => mesh.attempts.length === 2)
  const get = receiver.received.find(({ method }) => method === 'GET')
  t.equal(get?.url, '/data?title=Gopher&image=https%3A%2F%2Fblog.example%2Fgopher.png&foo=')
  t.equal(get?.body, '')
  t.equal(get?.headers['webhook-id'], 'get-1')
  const post = receiver.received.find(({ method }) => method === 'POST')
  t.equal(post?.url, '/hook/7')
  t.equal(post?.body, '{"id":7,"nested":{"é":true}}')
  t.match(post?.headers, {
    'content-type': 'application/json',
    'x-team': 'eu',
    'webhook-id': 'post-1',
    'user-agent': 'millrace',
    'accept-encoding': 'identity',
    'webhook-timestamp': /^\d{10}$/,
    traceparent: /^00-0af7651916cd43dd8448eb211c80319c-(?!b7ad6b7169203331)[0-9a-f]{16}-01$/,
  })
  const attempt = mesh.attempts.find(({ deliveryId }) => deliveryId === 'post-1')
  t.match(attempt, {
    tenant: 'default',
    postbackId: 'p-1',
    number: 1,
    outcome: Outcome.DELIVERED,
    method: 'POST',
    url: `${receiver.origin}/hook/7`,
    responseCode: 200,
    responseBodyTruncated: false,
    errorCode: '',
    nextAttemptAtUs: 0,
    traceparent: post?.headers.traceparent,
  })
  t.equal(attempt?.responseBody.toString(), 'ok')
})

t.test('what fails is tried again, not before its time, under the same id', async (t) => {
  const receiver = await startReceiver((_request, response, index) => {
    response.statusCode = index < 2 ? 500 : 200
    response.end()
  })
  t.teardown(receiver.stop)
  const [delivery] = numbered(1, receiver.origin, {
    retry: { preset: '', delaysMs: [1_200, 2_500], only5xx: false },
  })
  if (delivery === undefined) throw new Error('there is no delivery')
  await mesh.request([delivery])
  const own = () => mesh.attempts.filter(({ deliveryId }) => deliveryId === delivery.id)
  await until('three attempts are accounted for', () => own().length === 3)
  t.same(
    receiver.received.map(({ headers }) => headers['webhook-id']),
    [delivery.id, delivery.id, delivery.id],
  )
  t.same(
    own().map(({ number, outcome, responseCode }) => [number, outcome, responseCode]),
    [
      [1, Outcome.RETRY, 500],
      [2, Outcome.RETRY, 500],
      [3, Outcome.DELIVERED, 200],
    ],
  )
  for (const [before, after] of [own().slice(0, 2), own().slice(1)]) {
    if (before === undefined || after === undefined) throw new Error('there are three')
    t.ok(after.startedAtUs >= before.nextAttemptAtUs, 'not before it is due')
    t.ok(after.startedAtUs - before.nextAttemptAtUs < 1_500_000, 'nor much later')
  }
})

t.test('a delivery whose attempts are used up is dead, and kept', async (t) => {
  const receiver = await startReceiver((_request, response) => {
    response.statusCode = 503
    response.end('no')
  })
  t.teardown(receiver.stop)
  const [delivery] = numbered(1, receiver.origin, { retry: { preset: '', delaysMs: [10], only5xx: false } })
  await mesh.request(delivery === undefined ? [] : [delivery])
  await until('it is dead', () => mesh.dead.some(({ id }) => id === delivery?.id))
  t.match(
    mesh.dead.find(({ id }) => id === delivery?.id),
    { attempts: 2, data: delivery?.data },
  )
  await until(
    'both attempts are accounted for',
    () => mesh.attempts.filter(({ deliveryId }) => deliveryId === delivery?.id).length === 2,
  )
  t.same(
    mesh.attempts.filter(({ deliveryId }) => deliveryId === delivery?.id).map(({ outcome }) => outcome),
    [Outcome.RETRY, Outcome.DEAD],
  )
})
