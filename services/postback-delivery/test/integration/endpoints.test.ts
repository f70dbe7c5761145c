import { randomBytes } from 'node:crypto'
import { secretContext } from '@millrace/catalog/endpoint-signature'
import { createSecretBox } from '@millrace/catalog/seal-secret'
import { Outcome } from '@millrace/proto'
import { Webhook } from 'standardwebhooks'
import t, { type Test } from 'tap'
import { makeEvent } from '../event-fixture.ts'
import { type Received, startMesh, startReceiver, startService, until } from './helper.ts'
import { signingSecret, startPublisher } from './subscription-fixture.ts'

t.setTimeout(120_000)

async function setUp(t: Test, status = 200, given: Record<string, string> = {}) {
  const mesh = await startMesh({ KAFKA_EVENTS_PARTITIONS: '2', ...given })
  const publisher = await startPublisher(mesh)
  const receiver = await startReceiver(({ url }, response) => {
    response.statusCode = url.startsWith('/well') ? 200 : status
    response.end()
  })
  let service = await startService(mesh)
  t.teardown(async () => {
    await service.stop()
    await receiver.stop()
    await publisher.stop()
    await mesh.stop()
  })
  const untilReady = () => until('the service is ready', () => service.readiness.isReady())
  const restart = async () => {
    await service.stop()
    service = await startService(mesh)
    await untilReady()
  }
  await untilReady()
  return { mesh, publisher, receiver, readiness: service.readiness, restart }
}

function isVerified({ headers, body }: Received): boolean {
  new Webhook(signingSecret).verify(body, headers as Record<string, string>)
  return true
}

const event = (id: string, parts: Parameters<typeof makeEvent>[0] = {}) =>
  makeEvent({ id, receivedAtUs: Date.now() * 1_000, ...parts })

t.test('an event arrives signed at the endpoints that it is for, and at no others', async (t) => {
  const { publisher, receiver, mesh } = await setUp(t)
  const { origin } = receiver
  const eu = { all: [{ prefix: { subject: 'eu/' } }] }
  await publisher.putEndpoint('eu', {
    url: `${origin}/eu/{subject}?amount={data.amount}&of={id}&no={nothing}`,
    filter: eu,
    headers: { 'x-team': 'eu' },
  })
  await publisher.putEndpoint('not-eu', { url: `${origin}/not-eu`, filter: { not: eu } })
  await publisher.putEndpoint('visits', { url: `${origin}/visits`, eventTypes: ['visit.*'] })
  await publisher.putEndpoint('off', { url: `${origin}/off`, enabled: false })
  await publisher.putEndpoint('get', { url: `${origin}/get?at={time}`, method: 'GET' })
  await publisher.putEventType('order.paid', { schema: { type: 'object', required: ['amount'] } })
  const data = '{ "amount": 1.10, "big": 12345678901234567890 }'
  await publisher.publish([
    event('valid', { data }),
    event('invalid', { data: '{}' }),
    event('valid', { data }),
  ])
  await publisher.publish([event('us', { subject: 'us/1' })], 1)
  await until('all have arrived', () => receiver.received.length >= 4)
  await until('all are accounted for', () => mesh.attempts.length >= 4)
  const urls = receiver.received.map(({ method, url }) => `${method} ${url}`).sort()
  t.same(urls, [
    'GET /get?at=2023-11-14T22%3A13%3A20.000Z',
    'GET /get?at=2023-11-14T22%3A13%3A20.000Z',
    'POST /eu/eu%2F7?amount=1.10&of=valid&no=',
    'POST /not-eu',
  ])
  t.ok(receiver.received.every(isVerified), 'the GETs too')
  const [toEu] = receiver.received.filter(({ url }) => url.startsWith('/eu'))
  t.match(toEu?.headers, { 'x-team': 'eu', 'content-type': 'application/cloudevents+json' })
  t.ok(toEu?.body.endsWith(`,"data":${data}}`), 'the data keeps its bytes')
  t.match(JSON.parse(toEu?.body ?? ''), { specversion: '1.0', id: 'valid', type: 'order.paid' })
  t.match(
    mesh.attempts.find(({ endpoint }) => endpoint === 'eu'),
    { tenant: 'acme', postbackId: '', outcome: Outcome.DELIVERED, number: 1 },
  )
})

t.test('a secret that cannot be opened: nothing goes out, and everything once it is mended', async (t) => {
  const { publisher, receiver, readiness, mesh } = await setUp(t)
  const createdAt = '2026-01-01T00:00:00Z'
  const sealed = createSecretBox([randomBytes(32)]).seal(signingSecret, secretContext('acme', 'a'))
  const body = { url: `${receiver.origin}/`, retry: { delaysMs: [200, 200, 200, 200, 200, 60_000] } }
  await publisher.putEndpoint('a', { ...body, createdAt, secrets: [{ sealed, createdAt }] })
  await until('it is told', () => 'signing' in readiness.missing())
  t.match(readiness.missing(), { signing: /acme\/a.*MILLRACE_SECRETS_KEY/ })
  await publisher.publish([event('1')])
  await until('an attempt has failed', () => mesh.attempts.length > 0)
  t.match(mesh.attempts[0], {
    outcome: Outcome.RETRY,
    errorCode: 'signing',
    errorDetail: /MILLRACE_SECRETS_KEY/,
    responseCode: 0,
  })
  t.equal(receiver.received.length, 0)
  await publisher.putEndpoint('a', body)
  await until('it arrives', () => receiver.received.length > 0)
  t.same(readiness.missing(), {})
  t.ok(receiver.received.every(isVerified))
})

t.test('an endpoint that is disabled or deleted keeps what was made for it before', async (t) => {
  const { publisher, receiver, mesh } = await setUp(t, 500)
  const body = { url: `${receiver.origin}/`, retry: { delaysMs: [1_000, 60_000] } }
  for (const name of ['disabled', 'deleted']) await publisher.putEndpoint(name, body)
  await publisher.publish([event('1')])
  await until('both have failed once', () => mesh.attempts.length >= 2)
  await publisher.putEndpoint('disabled', { ...body, enabled: false })
  await publisher.putEndpoint('deleted', undefined)
  await until('both are settled', () => mesh.attempts.length >= 4)
  const last = (name: string) => mesh.attempts.findLast(({ endpoint }) => endpoint === name)
  t.match(last('disabled'), { outcome: Outcome.HELD, errorCode: 'endpoint_disabled', number: 1 })
  t.match(last('deleted'), { outcome: Outcome.DEAD, errorCode: 'endpoint_gone', number: 1 })
  t.equal(receiver.received.length, 2)
})

for (const { status, given, reason } of [
  { status: 410, given: {}, reason: 'it answered 410 Gone' },
  { status: 500, given: { POSTBACK_DISABLE_AFTER: 'PT1S' }, reason: /^nothing but failures since 2/ },
] as const) {
  t.test(`an endpoint that answers ${status} is disabled, and an event tells of it once`, async (t) => {
    const { publisher, receiver, mesh, restart } = await setUp(t, status, given)
    const retry = { delaysMs: Array.from({ length: 20 }, () => 300) }
    await publisher.putEndpoint('bad', { url: `${receiver.origin}/bad`, eventTypes: ['order.paid'], retry })
    const eventTypes = ['millrace.endpoint.*']
    await publisher.putEndpoint('told', { url: `${receiver.origin}/well`, eventTypes })
    await publisher.publish([event('1'), event('2'), event('3')])
    await until('it is told', () => receiver.received.some(({ url }) => url === '/well'))
    const held = () => mesh.attempts.filter(({ outcome }) => outcome === Outcome.HELD)
    await until('all are held', () => new Set(held().map(({ deliveryId }) => deliveryId)).size === 3)
    const [told, ...more] = receiver.received.filter(({ url }) => url === '/well')
    t.same(more, [])
    t.match(JSON.parse(told?.body ?? ''), {
      type: 'millrace.endpoint.disabled',
      subject: 'bad',
      source: '/millrace/postback-delivery',
      data: { endpoint: 'bad', reason },
    })
    await restart()
    await publisher.putEndpoint('bad', { url: `${receiver.origin}/well?again`, eventTypes: ['order.paid'] })
    await publisher.publish([event('4')])
    await until('it arrives', () => receiver.received.some(({ url }) => url === '/well?again'))
    t.equal(receiver.received.filter(({ url }) => url === '/well').length, 1, 'a restart tells nothing again')
  })
}
