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

async function setUp(t: Test, status = 200) {
  const mesh = await startMesh({ KAFKA_EVENTS_PARTITIONS: '2' })
  const publisher = await startPublisher(mesh)
  const receiver = await startReceiver((_request, response) => {
    response.statusCode = status
    response.end()
  })
  const service = await startService(mesh)
  t.teardown(async () => {
    await service.stop()
    await receiver.stop()
    await publisher.stop()
    await mesh.stop()
  })
  await until('the service is ready', () => service.readiness.isReady())
  return { mesh, publisher, receiver, service }
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
  const { publisher, receiver, service, mesh } = await setUp(t)
  const createdAt = '2026-01-01T00:00:00Z'
  const sealed = createSecretBox([randomBytes(32)]).seal(signingSecret, secretContext('acme', 'a'))
  const body = { url: `${receiver.origin}/`, retry: { delaysMs: [200, 200, 200, 200, 200, 60_000] } }
  await publisher.putEndpoint('a', { ...body, createdAt, secrets: [{ sealed, createdAt }] })
  await until('it is told', () => 'signing' in service.readiness.missing())
  t.match(service.readiness.missing(), { signing: /acme\/a.*MILLRACE_SECRETS_KEY/ })
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
  t.same(service.readiness.missing(), {})
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
