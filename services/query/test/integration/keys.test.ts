// What issued keys may read: of their own tenant, within their constraints, as often as their limit says.
import { hashKey, newKey } from '@millrace/catalog/key-text'
import { KeyUsage } from '@millrace/proto'
import { usageTopic } from '@millrace/proto/topics'
import { connectKafkaProducer } from '@millrace/service-kit/kafka-producer'
import t from 'tap'
import {
  createTables,
  freshConfig,
  logger,
  type Resource,
  startAggregatorEdge,
  startService,
  until,
  writeCatalog,
} from './mesh-edge.ts'

const edge = await startAggregatorEdge(t)
const config = freshConfig({ AGGREGATOR_ADDRESSES: edge.address })
const tables = await createTables(t, config)

interface TestKey extends Resource {
  /** What a request carries. */
  readonly text: string
}

function makeKey(tenant: string, body: object): TestKey {
  const { id, text } = newKey()
  const whole = { application: 'test', expiresAt: null, hash: hashKey(text), scopes: allReads, ...body }
  return { tenant, kind: 'key', name: id, body: whole, text }
}

const allReads = ['events:read', 'deliveries:read', 'reports:read', 'catalog:read', 'keys:admin']
const acme = makeKey('acme', {})
const other = makeKey('other', {})
const ward = makeKey('acme', { constraints: { eventTypes: ['visit.*'], subjects: ['ward_7/*'] } })
const limited = makeKey('acme', { rateLimit: { perSecond: 2 } })
const elsewhere = makeKey('acme', { rateLimit: { perSecond: 2 } })
const revoked = makeKey('acme', { rateLimit: { perSecond: 9 } })
const bySubject = { eventTypes: ['visit.recorded'], aggregation: 'count', groupBy: { who: '/subject' } }
const resources: readonly Resource[] = [acme, other, ward, limited, elsewhere, revoked].map(
  ({ text: _, ...resource }) => resource,
)
await writeCatalog(config, [
  ...resources,
  { tenant: 'acme', kind: 'meter', name: 'visits', body: bySubject },
  { tenant: 'acme', kind: 'meter', name: 'all-visits', body: { ...bySubject, groupBy: {} } },
  { tenant: 'acme', kind: 'event-type', name: 'visit.recorded', body: {} },
  {
    tenant: 'acme',
    kind: 'endpoint',
    name: 'partner',
    body: { url: 'https://partner.example/', secrets: [] },
  },
])
const eventRow = (tenant: string, id: string, type: string, subject: string): string =>
  `('${tenant}','shop','${id}','${type}','${subject}',now64(6),now64(6),now64(6),'{}','{}')`
await tables.command({
  query: `INSERT INTO events (tenant,source,id,type,subject,occurred_at,received_at,stored_at,data,extensions) VALUES
    ${eventRow('acme', 'own', 'visit.recorded', 'ward_7/a')},
    ${eventRow('acme', 'near', 'visit.recorded', 'wardX7/a')},
    ${eventRow('acme', 'without', 'visit.recorded', '')},
    ${eventRow('acme', 'order', 'order.paid', 'ward_7/a')},
    ${eventRow('other', 'foreign', 'visit.recorded', 'ward_7/a')}`,
})
const deliveryRow = (tenant: string, id: string, postback: string, endpoint: string): string =>
  `('${tenant}','${id}','${postback}','${endpoint}',0,'accepted',now64(6),now64(6))`
await tables.command({
  query: `INSERT INTO deliveries (tenant,delivery_id,postback_id,endpoint,number,outcome,accepted_at,stored_at) VALUES
    ${deliveryRow('acme', 'of-postback', 'pb_1', '')},
    ${deliveryRow('acme', 'of-event', '', 'partner')},
    ${deliveryRow('other', 'foreign', 'pb_2', '')}`,
})
const { service, get, url } = await startService(t, config)
await until(() => service.readiness.isReady())

const read = (path: string, { text }: TestKey): Promise<Response> =>
  get(path, { authorization: `Bearer ${text}` })
/** Ids or names of what a list holds. */
async function listed(path: string, key: TestKey): Promise<string[]> {
  const response = await read(path, key)
  if (response.status !== 200) throw new Error(`${path} answered ${response.status}`)
  const [items = []] = Object.values((await response.json()) as Record<string, object[]>)
  return items.map((item) => JSON.stringify(item).match(/"(?:id|name)":"([^"]+)"/)?.[1] ?? '').sort()
}

t.test('a tenant sees nothing of another', async (t) => {
  t.same(await listed('/v1/events', other), ['foreign'])
  t.same(await listed('/v1/deliveries', other), ['foreign'])
  t.same(await listed('/v1/keys', other), [other.name])
  for (const path of ['/v1/meters', '/v1/event-types', '/v1/endpoints', '/v1/replays']) {
    t.same(await listed(path, other), [], path)
  }
  for (const path of [
    '/v1/events/own',
    '/v1/deliveries/of-postback',
    '/v1/postbacks/pb_1',
    '/v1/meters/visits',
    '/v1/event-types/visit.recorded',
    '/v1/endpoints/partner',
    `/v1/keys/${acme.name}`,
    '/v1/reports/visits',
    '/v1/reports/visits/live',
  ]) {
    t.equal((await read(path, other)).status, 404, path)
  }
  t.equal((await read('/v1/events/own', acme)).status, 200)
  t.equal((await read('/v1/meters/visits', acme)).status, 200)
})

t.test('a constrained key reads the events that it may, and postbacks, which are none', async (t) => {
  t.same(await listed('/v1/events', acme), ['near', 'order', 'own', 'without'])
  t.same(await listed('/v1/events', ward), ['own'], 'a _ in a pattern stands for itself')
  t.same(await listed('/v1/events?type=order.paid', ward), [])
  t.equal((await read('/v1/events/own', ward)).status, 200)
  for (const id of ['near', 'without', 'order']) {
    t.equal((await read(`/v1/events/${id}`, ward)).status, 404, id)
  }
  t.same(await listed('/v1/deliveries', acme), ['of-event', 'of-postback'])
  t.same(await listed('/v1/deliveries', ward), ['of-postback'])
  t.equal((await read('/v1/deliveries/of-event', ward)).status, 404)
  const page = (await (await read('/v1/events?limit=1', acme)).json()) as { nextCursor: string }
  const stolen = await read(`/v1/events?limit=1&cursor=${page.nextCursor}`, ward)
  t.equal(stolen.status, 400, 'a cursor goes with what it was given for')
})

t.test(
  'a constrained key sees its own subjects live, and no meter that does not tell them apart',
  async (t) => {
    edge.sendLive({
      instance: 'one',
      asOfUs: Date.now() * 1_000,
      snapshot: true,
      seconds: [
        {
          second: Math.floor(Date.now() / 1_000) - 2,
          groups: [
            { values: ['ward_7/a'], count: 3, sum: '', min: '', max: '' },
            { values: ['ward_8/a'], count: 4, sum: '', min: '', max: '' },
          ],
        },
      ],
    })
    const stop = new AbortController()
    const live = await fetch(`${url}/v1/reports/visits/live`, {
      headers: { authorization: `Bearer ${ward.text}` },
      signal: stop.signal,
    })
    let text = ''
    for await (const part of live.body?.pipeThrough(new TextDecoderStream()) ?? []) {
      text += part
      if (text.includes('"value":3')) break
    }
    stop.abort()
    t.match(text, '"totals":{"value":3')
    t.notMatch(text, /ward_8|"value":7/)
    t.equal((await read('/v1/reports/all-visits/live', ward)).status, 403)
  },
)

t.test('a live stream ends when its key is revoked', async (t) => {
  const live = await fetch(`${url}/v1/reports/visits/live`, {
    headers: { authorization: `Bearer ${revoked.text}` },
  })
  t.equal(live.status, 200)
  t.equal(live.headers.get('ratelimit-policy'), '"key";q=9;w=1')
  t.ok(live.headers.get('x-request-id'))
  const { text: _, ...resource } = revoked
  await writeCatalog(config, [{ ...resource, version: 2, deleted: true }])
  // It ends by itself, or this does not.
  await live.text()
  t.equal((await read('/v1/events', revoked)).status, 401)
})

t.test(
  'reads are limited, also by what the key took at other instances, and tell when it was used',
  async (t) => {
    const first = await read('/v1/meters', limited)
    t.equal(first.status, 200)
    t.equal(first.headers.get('ratelimit-policy'), '"key";q=2;w=1')
    await until(async () => (await read('/v1/meters', limited)).status === 429)
    const refused = await read('/v1/meters', limited)
    t.match(refused.headers.get('retry-after'), /^[1-9]/)

    const producer = await connectKafkaProducer(
      config,
      { clientId: 'test', deliveryTimeoutMs: 10_000, lingerMs: 0, maxUnconfirmedBytes: 1_000_000 },
      logger,
    )
    t.teardown(() => producer.stop(1_000))
    const usedAtUs = Date.now() * 1_000 - 60_000_000
    await producer.send({
      topic: config.kafkaTopicPrefix + usageTopic.name,
      key: `acme/${elsewhere.name}`,
      value: Buffer.from(
        KeyUsage.encode({
          tenant: 'acme',
          keyId: elsewhere.name,
          instance: 'an ingest',
          taken: 1_000,
          lastUsedAtUs: usedAtUs,
          perSecond: 2,
        }).finish(),
      ),
    })
    const lastUsed = async (key: TestKey): Promise<string | null> => {
      const response = await read(`/v1/keys/${key.name}`, acme)
      return ((await response.json()) as { lastUsedAt: string | null }).lastUsedAt
    }
    await until(async () => (await lastUsed(elsewhere)) === new Date(usedAtUs / 1_000).toISOString())
    t.equal((await read('/v1/meters', elsewhere)).status, 429, 'the other instance has used it up')
    t.ok(Date.parse((await lastUsed(limited)) ?? '') > usedAtUs / 1_000)
  },
)
