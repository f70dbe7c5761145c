import { type ServiceError, status } from '@grpc/grpc-js'
import { PublishStreamRequest, type PublishStreamResponse } from '@millrace/proto'
import { catalogTopic } from '@millrace/proto/topics'
import t from 'tap'
import { call, connectGrpc, grpcEvent, issueKey, publish, revokeKey, withKey } from './issued-keys.ts'
import { freshConfig, readEvents, readTopic, startIngest, until, untilReady } from './running-ingest.ts'

const event = { type: 'visit.recorded', subject: 'ward-7/a' }

t.test('issuing and revoking holds here at once and soon elsewhere, also on open streams', async (t) => {
  const config = freshConfig()
  const [one, two] = await Promise.all([startIngest(t, config), startIngest(t, config)])
  await Promise.all([untilReady(one), untilReady(two)])
  const write = async (ingest: typeof one, key: string) =>
    (await call(ingest, key, 'POST', '/v1/events', event)).status
  const { id, key } = await issueKey(one, {})
  const issuedAt = Date.now()
  t.equal(await write(one, key), 202)
  await until(async () => (await write(two, key)) === 202, 'the other instance knows the key')
  t.comment(`known elsewhere after ${Date.now() - issuedAt} ms`)

  const client = connectGrpc(t, two)
  const stream = client.publishStream(withKey(key))
  const answers: PublishStreamResponse[] = []
  stream.on('data', (answer: PublishStreamResponse) => answers.push(answer))
  stream.on('error', () => undefined)
  t.teardown(() => stream.cancel())
  const send = async (sequence: string): Promise<PublishStreamResponse | undefined> => {
    const request = {
      ...PublishStreamRequest.decode(Buffer.alloc(0)),
      sequence,
      events: [grpcEvent(sequence)],
    }
    stream.write(request)
    const found = () => answers.find((answer) => answer.sequence === sequence)
    await until(() => found() !== undefined, `an answer to ${sequence}`)
    return found()
  }
  t.match(await send('1'), { outcome: { $case: 'accepted' } })

  t.equal((await revokeKey(one, id)).status, 200)
  const revokedAt = Date.now()
  t.equal(await write(one, key), 401)
  await until(async () => (await write(two, key)) === 401, 'the other instance has forgotten the key')
  t.comment(`forgotten elsewhere after ${Date.now() - revokedAt} ms`)
  t.match(
    await send('2'),
    { outcome: { $case: 'refused', value: { code: 'unauthenticated' } } },
    'on an open stream too',
  )
  t.equal((await revokeKey(one, id)).status, 404)
  const stored = JSON.stringify(await readTopic(config, catalogTopic.name, 1).then(textOf))
  t.notMatch(stored, key, 'the key itself stands nowhere')
})

function textOf(messages: readonly { readonly value: Buffer | null }[][]): string[] {
  return messages.flat().map(({ value }) => value?.toString() ?? '')
}

t.test('a constrained key writes only what it may, at every door', async (t) => {
  const ingest = await startIngest(t, freshConfig())
  await untilReady(ingest)
  const constraints = { eventTypes: ['visit.*'], subjects: ['ward-7/*'] }
  const { key } = await issueKey(ingest, { constraints })
  const outside = { ...event, subject: 'ward-8/a' }
  const complete = { specversion: '1.0', source: '/s', id: '1' }
  const forms: readonly [type: string, body: string, index: number][] = [
    ['application/json', JSON.stringify(outside), 0],
    ['application/json', JSON.stringify([event, outside]), 1],
    ['application/x-ndjson', `${JSON.stringify(event)}\n${JSON.stringify(outside)}\n`, 1],
    ['application/cloudevents+json', JSON.stringify({ ...complete, ...outside }), 0],
    ['application/cloudevents-batch+json', JSON.stringify([{ ...complete, ...outside }]), 0],
  ]
  for (const [type, body, index] of forms) {
    const response = await call(ingest, key, 'POST', '/v1/events', body, { 'content-type': type })
    t.equal(response.status, 403, type)
    t.match(await response.json(), { errors: [{ index, pointer: '/subject' }] })
  }
  const binary = { 'ce-specversion': '1.0', 'ce-source': '/s', 'ce-id': '1', 'ce-type': 'order.paid' }
  const sent = await call(ingest, key, 'POST', '/v1/events', '{}', binary)
  t.equal(sent.status, 403)
  t.match(await sent.json(), { errors: [{ pointer: '/type' }, { pointer: '/subject' }] })

  const client = connectGrpc(t, ingest)
  const events = [grpcEvent('1', { subject: 'ward-7/a' }), grpcEvent('2')]
  t.match(await publish(client, key, events).catch((error: ServiceError) => error), {
    code: status.PERMISSION_DENIED,
    details: /event 1 \/subject/,
  })
  t.equal((await publish(client, key, events.slice(0, 1))).accepted, 1)
  t.equal((await call(ingest, key, 'POST', '/v1/events', event)).status, 202)
  t.equal((await readEvents(ingest.config)).flat().length, 2, 'nothing of a refused request was written')
})

t.test('a tenant neither changes nor takes anything of another', async (t) => {
  const ingest = await startIngest(t, freshConfig())
  await untilReady(ingest)
  const scopes = ['keys:admin', 'catalog:write', 'events:write', 'postbacks:write'] as const
  const acme = await issueKey(ingest, { tenant: 'acme', scopes: [...scopes] })
  const other = await issueKey(ingest, { tenant: 'other', scopes: [...scopes] })
  const meter = { eventTypes: ['visit.recorded'], aggregation: 'count' }
  for (const { key } of [acme, other]) {
    const response = await call(ingest, key, 'PUT', '/v1/meters/visits', meter)
    t.equal(response.status, 201, 'names are a tenant’s own')
  }
  t.equal((await call(ingest, other.key, 'DELETE', '/v1/meters/visits')).status, 200)
  const again = await call(ingest, acme.key, 'PUT', '/v1/meters/visits', meter, { 'if-match': '"1"' })
  t.equal(again.status, 200, 'what the other deleted was its own')
  t.equal((await revokeKey(ingest, acme.id, other.key)).status, 404)
  const stolen = { application: 'x', scopes: ['events:write'], tenant: 'acme' }
  t.equal((await call(ingest, other.key, 'POST', '/v1/keys', stolen)).status, 403)
  const more = { application: 'x', scopes: ['events:read'] }
  t.equal((await call(ingest, other.key, 'POST', '/v1/keys', more)).status, 403)
  const own = await issueKey(ingest, { scopes: ['events:write'] }, acme.key)
  for (const key of [own.key, other.key]) {
    t.equal((await call(ingest, key, 'POST', '/v1/events', { ...event, id: 'same' })).status, 202)
  }
  const tenants = (await readEvents(ingest.config)).flat().map(({ tenant }) => tenant)
  t.same(tenants.sort(), ['acme', 'other'])
  t.equal((await revokeKey(ingest, acme.id)).status, 200, 'the root key revokes any tenant’s')
})
