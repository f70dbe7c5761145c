import { eventPartition } from '@millrace/proto/event-partition'
import { catalogTopic } from '@millrace/proto/topics'
import t from 'tap'
import {
  authorization,
  freshConfig,
  partitions,
  readBatches,
  readEvents,
  readTopic,
  startIngest,
  untilReady,
} from './running-ingest.ts'

t.test('an accepted event is in Kafka with all that was sent and all that ingest knows', async (t) => {
  const ingest = await startIngest(t, freshConfig())
  await untilReady(ingest)
  const before = Date.now() * 1_000
  const response = await ingest.post(
    `{"specversion":"1.0","id":"a-1","source":"/shop","type":"order.paid","subject":"eu/7",
      "time":"2024-02-29T12:00:00.000001Z","datacontenttype":"application/json","dataschema":"https://schemas.example/1",
      "tier":"gold","attempt":2,"test":true,"data":{"amount":12345678901234567890.10, "tiny":1e-400}}`,
    '/v1/events',
    'application/cloudevents+json',
  )
  t.equal(response.status, 202)
  t.same(await response.json(), { accepted: 1, ids: ['a-1'] })
  const events = await readEvents(ingest.config)
  const partition = eventPartition({ tenant: 'default', source: '/shop', id: 'a-1' }, partitions)
  t.same(
    events.map((list) => list.length),
    [0, 1].map((it) => (it === partition ? 1 : 0)),
  )
  const [event] = events[partition] ?? []
  t.match(event, {
    tenant: 'default',
    source: '/shop',
    id: 'a-1',
    type: 'order.paid',
    subject: 'eu/7',
    occurredAtUs: Date.UTC(2024, 1, 29, 12) * 1_000 + 1,
    dataContentType: 'application/json',
    dataSchema: 'https://schemas.example/1',
    application: 'root',
    backfill: true,
    traceparent: /^00-[0-9a-f]{32}-[0-9a-f]{16}-00$/,
  })
  t.same(event?.extensions, {
    tier: { value: { $case: 'text', value: 'gold' } },
    attempt: { value: { $case: 'integer', value: 2 } },
    test: { value: { $case: 'boolean', value: true } },
  })
  t.equal(event?.data.toString(), '{"amount":12345678901234567890.10, "tiny":1e-400}')
  t.ok(event && event.receivedAtUs >= before - 2_000 && event.receivedAtUs <= Date.now() * 1_000 + 2_000)
})

t.test('events stay in order within a partition, packed into few messages', async (t) => {
  const ingest = await startIngest(t, freshConfig())
  await untilReady(ingest)
  const sizes = [1, 300, 5, 1, 200]
  let sent = 0
  for (const size of sizes) {
    const batch = Array.from({ length: size }, (_, n) => ({
      type: 'a',
      source: '/s',
      id: `${sent + n}`,
      data: { n },
    }))
    sent += size
    t.equal((await ingest.post(batch)).status, 202)
  }
  const events = await readEvents(ingest.config)
  t.equal(events.flat().length, sent)
  for (const [partition, list] of events.entries()) {
    const ids = list.map(({ id }) => Number(id))
    t.same(
      ids,
      [...ids].sort((a, b) => a - b),
    )
    for (const event of list) {
      if (eventPartition(event, partitions) !== partition) t.fail(`${event.id} is in partition ${partition}`)
    }
  }
  const messages = (await readBatches(ingest.config)).flat().length
  t.ok(messages <= sizes.length * partitions, `${messages} messages`)
})

t.test('concurrent single requests share messages, and each is answered with its own id', async (t) => {
  const ingest = await startIngest(t, freshConfig({ INGEST_PACK_MS: '50' }))
  await untilReady(ingest)
  const ids = Array.from({ length: 40 }, (_, n) => `${n}`)
  const answers = await Promise.all(
    ids.map(
      async (id) => (await ingest.post({ type: 'a', source: '/s', id })).json() as Promise<{ ids: string[] }>,
    ),
  )
  t.same(
    answers.map((answer) => answer.ids),
    ids.map((id) => [id]),
  )
  t.equal((await readEvents(ingest.config)).flat().length, ids.length)
  const messages = (await readBatches(ingest.config)).flat().length
  t.ok(messages < ids.length / 2, `${messages} messages`)
  const metrics = await (await ingest.operations('/metrics')).text()
  t.match(metrics, /millrace_ingest_events_accepted_total\{[^}]*\} 40\n/)
  t.match(metrics, /millrace_ingest_produce_seconds_count\{[^}]*\} \d+\n/)
})

t.test('a batch with one faulty event leaves nothing in Kafka', async (t) => {
  const ingest = await startIngest(t, freshConfig({ INGEST_MAX_EVENT_BYTES: '5000' }))
  await untilReady(ingest)
  const good = Array.from({ length: 50 }, (_, n) => ({ type: 'a', source: '/s', id: `${n}` }))
  const faulty = await ingest.post([...good, { type: 'a', time: 'never' }])
  t.equal(faulty.status, 400)
  t.match(await faulty.json(), { errors: [{ index: 50, pointer: '/time' }] })
  const large = await ingest.post([...good, { type: 'a', data: 'x'.repeat(6_000) }])
  t.equal(large.status, 413)
  t.equal((await ingest.post({ type: 'a', source: '/s', id: 'after' })).status, 202)
  t.same(
    (await readEvents(ingest.config)).flat().map(({ id }) => id),
    ['after'],
  )
})

t.test('an event up to its limit passes Kafka’s; a larger one is refused', async (t) => {
  const ingest = await startIngest(t, freshConfig())
  await untilReady(ingest)
  // Incompressible, so that Kafka sees every byte.
  const data = Array.from({ length: 890_000 }, () => String.fromCharCode(97 + Math.random() * 26)).join('')
  t.equal((await ingest.post({ type: 'a', source: '/s', id: 'large', data })).status, 202)
  t.equal((await ingest.post({ type: 'a', data: `${data}${'x'.repeat(20_000)}` })).status, 413)
  t.equal((await readEvents(ingest.config)).flat()[0]?.data.length, 890_002)
})

t.test('an event tells how much of the catalog there was before it', async (t) => {
  const ingest = await startIngest(t, freshConfig())
  await untilReady(ingest)
  t.equal((await ingest.put('/v1/meters/m', { eventTypes: ['a'], aggregation: 'count' })).status, 201)
  t.equal((await ingest.post({ type: 'a' })).status, 202)
  const [meter] = (await readTopic(ingest.config, catalogTopic.name, 1))[0] ?? []
  const [batch] = (await readBatches(ingest.config)).flat()
  t.ok(meter && batch && batch.catalogThrough > meter.offset)
})

t.test('a type that is checked before acceptance refuses data that does not fit', async (t) => {
  const ingest = await startIngest(t, freshConfig())
  await untilReady(ingest)
  const schema = { type: 'object', required: ['path'] }
  t.equal((await ingest.put('/v1/event-types/visit', { schema, validation: 'before' })).status, 201)
  const refused = await ingest.post([
    { type: 'visit', data: { path: '/' } },
    { type: 'visit', data: {} },
  ])
  t.equal(refused.status, 400)
  t.match(await refused.json(), { errors: [{ index: 1, pointer: '/data', detail: /path/ }] })
  t.equal((await ingest.post({ type: 'visit', data: { path: '/' } })).status, 202)
})

t.test('a stop answers what is under way before it ends', async (t) => {
  const ingest = await startIngest(t, freshConfig({ INGEST_PACK_MS: '200' }))
  await untilReady(ingest)
  const posts = Array.from({ length: 5 }, (_, n) => ingest.post({ type: 'a', source: '/s', id: `${n}` }))
  // The requests have arrived once the events wait to be packed; nothing tells, so a request after them is asked.
  await ingest.post({ type: 'a', source: '/s', id: 'first' })
  await ingest.service.stop()
  for (const response of await Promise.all(posts)) t.equal(response.status, 202)
  t.equal((await readEvents(ingest.config)).flat().length, 6)
})

t.test(
  'while nobody stores events, the wait for it ends with the caller’s time and they are kept',
  async (t) => {
    const ingest = await startIngest(t, freshConfig())
    await untilReady(ingest)
    const response = await fetch(`http://127.0.0.1:${ingest.service.httpPort}/v1/events?wait=stored`, {
      method: 'POST',
      headers: { authorization, 'content-type': 'application/json', prefer: 'wait=1' },
      body: '[{"type":"a","id":"1"},{"type":"a","id":"2"}]',
    })
    t.equal(response.status, 202)
    t.same(await response.json(), { accepted: 2, ids: ['1', '2'], stored: false })
    t.equal((await readEvents(ingest.config)).flat().length, 2)
  },
)
