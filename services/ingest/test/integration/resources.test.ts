import { createSecretBox, secretsKeysOf } from '@millrace/catalog/seal-secret'
import { CatalogRecord, Delivery, type EventRecord } from '@millrace/proto'
import { catalogTopic, postbacksTopic } from '@millrace/proto/topics'
import t from 'tap'
import {
  authorization,
  freshConfig,
  partitions,
  readBatches,
  readTopic,
  startIngest,
  until,
  untilReady,
} from './running-ingest.ts'

const path = '/v1/endpoints/partner-a'
const endpoint = { url: 'https://partner.example/hook', eventTypes: ['order.*'] }

// One mesh for all tests: starting instances takes longer than all that they are asked here.
// The first transaction of a new Kafka makes a topic of fifty partitions, which takes a busy machine a while.
const config = freshConfig({ INGEST_REQUEST_TIMEOUT_MS: '30000' })
const [one, two] = await Promise.all([startIngest(t, config), startIngest(t, config)])
await Promise.all([untilReady(one), untilReady(two)])

t.test('an endpoint that one instance creates is rotated and tested by another', async (t) => {
  const created = await one.put(path, endpoint)
  t.equal(created.status, 201)
  const first = (await created.json()) as { secret: string; version: number }
  t.match(first, { name: 'partner-a', ...endpoint, version: 1, updatedBy: 'root', secret: /^whsec_/ })
  // Writing reads the catalog to its end first: no instance can miss what another one has answered.
  const rotated = await two.post('', `${path}/secret`)
  t.equal(rotated.status, 200)
  const second = (await rotated.json()) as { secret: string; version: number }
  t.match(second, { version: 2, secret: /^whsec_/ })
  t.not(second.secret, first.secret)
  await until(async () => (await one.post('', `${path}/test`)).status === 202, 'the test is accepted')
  const [delivery] = (await readTopic(config, postbacksTopic.name)).flat()
  t.match(Delivery.decode(delivery?.value ?? Buffer.alloc(0)), {
    tenant: 'default',
    endpoint: 'partner-a',
    request: undefined,
    catalogThrough: Number,
  })

  const records = (await readTopic(config, catalogTopic.name, 1))
    .flat()
    .map(({ value }) => value?.toString() ?? '')
  for (const { secret } of [first, second]) t.notMatch(records.join('\n'), secret.slice('whsec_'.length))
  const last = (await readTopic(config, catalogTopic.name, 1)).flat().at(-1)
  const { secrets } = JSON.parse(CatalogRecord.decode(last?.value ?? Buffer.alloc(0)).json) as {
    secrets: readonly { sealed: string }[]
  }
  const box = createSecretBox(secretsKeysOf(config))
  t.same(
    secrets.map(({ sealed }) => box.open(sealed, 'default/endpoint/partner-a')),
    [second.secret, first.secret],
  )
})

t.test('of two instances that rotate one version, one wins and the other gets 412', async (t) => {
  const path = '/v1/endpoints/partner-b'
  t.equal((await one.put(path, endpoint)).status, 201)
  for (let version = 1; version <= 3; version += 1) {
    const answers = await Promise.all(
      [one, two].map(({ service }) =>
        fetch(`http://127.0.0.1:${service.httpPort}${path}/secret`, {
          method: 'POST',
          headers: { authorization, 'if-match': `"${version}"` },
        }),
      ),
    )
    t.same(answers.map(({ status }) => status).sort(), [200, 412], `version ${version}`)
  }
})

t.test('commands follow the event that they are about, in its partition', async (t) => {
  for (const id of ['a', 'b', 'c', 'd']) {
    const event = { id, source: '/clinic', specversion: '1.0', type: 'care.x-ray' }
    t.equal((await one.post(event)).status, 202)
    const settled = await two.post({ reference: `of ${id}` }, `/v1/events/${id}/settlement?source=/clinic`)
    t.equal(settled.status, 202)
    const address = `http://127.0.0.1:${one.service.httpPort}/v1/events/${id}?source=/clinic&erase=true`
    const retracted = await fetch(address, { method: 'DELETE', headers: { authorization } })
    t.equal(retracted.status, 202)
    t.match(await retracted.json(), { id, source: '/clinic', erase: true, erasedFromKafkaBy: /Z$/ })
  }
  const perPartition = (await readBatches(config)).map((list) =>
    list.flatMap(({ records }) => records.flatMap(({ record }) => nameOf(record))),
  )
  t.equal(perPartition.length, partitions)
  for (const id of ['a', 'b', 'c', 'd']) {
    const own = perPartition.map((names) => names.filter((name) => name.endsWith(` ${id}`)))
    t.same(
      own.filter((names) => names.length > 0),
      [[`event ${id}`, `settlement ${id}`, `retraction ${id}`]],
    )
  }
})

function nameOf(record: EventRecord['record']): string[] {
  if (record === undefined || !('id' in record.value)) return []
  return record.value.source === '/clinic' ? [`${record.$case} ${record.value.id}`] : []
}

t.test('a replay is in the catalog, for whoever carries it out', async (t) => {
  const filter = { status: 'invalid', eventType: 'visit.recorded' }
  const answer = await one.post({ what: 'events', filter, ratePerSecond: 500 }, '/v1/replays')
  t.equal(answer.status, 202)
  const { id } = (await answer.json()) as { id: string }
  const last = (await readTopic(config, catalogTopic.name, 1)).flat().at(-1)
  const record = CatalogRecord.decode(last?.value ?? Buffer.alloc(0))
  t.match(record, { kind: 'replay', name: id, tenant: 'default', version: 1, writtenBy: 'root' })
  t.match(JSON.parse(record.json), { what: 'events', filter, ratePerSecond: 500, status: 'accepted' })
})

t.test('what one instance has written rules the other', async (t) => {
  const event = { id: '1', source: 'shop', specversion: '1.0', type: 'order.paid' }
  t.equal((await two.post(event)).status, 202)
  t.equal((await one.put('/v1/settings', { unknownEventTypes: 'refuse' })).status, 200)
  const writtenAt = performance.now()
  await until(async () => (await two.post(event)).status === 400, 'unknown types are refused')
  t.comment(`seen by the other instance after ${Math.round(performance.now() - writtenAt)} ms`)
  t.equal((await one.put('/v1/event-types/order.paid', {})).status, 201)
  t.equal((await one.post(event)).status, 202, 'by the same instance at once')
  await until(async () => (await two.post(event)).status === 202, 'the type is known')
})
