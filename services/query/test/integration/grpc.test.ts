// The same reads over gRPC.
import { credentials, Metadata, status } from '@grpc/grpc-js'
import {
  type GetCatalogResourceResponse,
  type GetDeliveryResponse,
  type GetEventResponse,
  type GetPostbackResponse,
  type GetReportResponse,
  type ListCatalogResponse,
  ListDeliveriesRequest,
  type ListDeliveriesResponse,
  type ListEventsResponse,
  type LiveResponse,
  QueryServiceClient,
  type SummarizeDeliveriesResponse,
} from '@millrace/proto'
import t from 'tap'
import {
  authorization,
  createTables,
  freshConfig,
  startAggregatorEdge,
  startService,
  until,
  writeCatalog,
} from './mesh-edge.ts'

const edge = await startAggregatorEdge(t)
const config = freshConfig({ AGGREGATOR_ADDRESSES: edge.address })
const tables = await createTables(t, config)
await writeCatalog(config, [
  {
    kind: 'meter',
    name: 'order-value',
    body: {
      eventTypes: ['order.paid'],
      aggregation: 'sum',
      value: '/data/amount',
      groupBy: { shop: '/subject' },
    },
  },
])
await tables.command({
  query: `INSERT INTO events (tenant,source,id,type,subject,occurred_at,received_at,stored_at,data,extensions,readings) VALUES
    ('default','pos','e1','order.paid','a','2026-01-01 10:00:30','2026-01-01 10:00:31','2026-01-01 10:00:32','{"amount":0.1}','{"vip":true,"n":7,"x":"y"}',[('order-value',1,['a'],toDecimal128('0.1',18))]),
    ('default','pos','e2','order.paid','a','2026-01-01 11:00:30','2026-01-01 11:00:31','2026-01-01 11:00:32','{"amount":0.2}','{}',[('order-value',1,['a'],toDecimal128('0.2',18))])`,
})
await tables.command({
  query: `INSERT INTO deliveries (tenant,delivery_id,postback_id,endpoint,number,outcome,method,url,started_at,duration_us,response_code,response_body,accepted_at)
    SELECT 'default','d1','p1','',number,['accepted','delivered'][number+1],'GET','https://x.example/','2026-01-01 10:00:33',2500,if(number=0,0,200),'ok','2026-01-01 10:00:32' FROM numbers(2)`,
})
const { service } = await startService(t, config)
await until(() => service.readiness.isReady())

const client = new QueryServiceClient(`127.0.0.1:${service.grpcPort}`, credentials.createInsecure())
t.teardown(() => client.close())
const metadata = new Metadata()
metadata.set('authorization', authorization)

function call<Response>(
  run: (callback: (error: Error | null, response: Response) => void) => unknown,
): Promise<Response> {
  return new Promise((resolve, reject) => {
    run((error, response) => (error === null ? resolve(response) : reject(error)))
  })
}

const at = (text: string) => ({ seconds: Date.parse(text) / 1_000, nanos: 0 })
const wholeReport = {
  meter: 'order-value',
  from: undefined,
  to: undefined,
  window: '',
  timezone: '',
  groupBy: [],
  filter: {},
  order: '',
  limit: 0,
  cursor: '',
  fill: false,
}

t.test('a report is the same over gRPC', async (t) => {
  const request = {
    ...wholeReport,
    from: at('2026-01-01T00:00:00Z'),
    to: at('2026-01-02T00:00:00Z'),
    window: 'hour',
    timezone: 'Asia/Kolkata',
    groupBy: ['shop'],
    filter: { shop: { values: ['a', 'b'] } },
    order: '-value',
    limit: 1,
  }
  const first = await call<GetReportResponse>((done) => client.getReport(request, metadata, done))
  t.match(first, {
    meter: 'order-value',
    window: 'hour',
    timezone: 'Asia/Kolkata',
    rows: [
      {
        windowStart: at('2026-01-01T10:30:00Z'),
        windowEnd: at('2026-01-01T11:30:00Z'),
        group: { shop: 'a' },
        value: '0.2',
      },
    ],
  })
  const next = await call<GetReportResponse>((done) =>
    client.getReport({ ...request, cursor: first.nextCursor }, metadata, done),
  )
  t.match(next, { rows: [{ value: '0.1' }], nextCursor: '', stale: false })
  const filled = await call<GetReportResponse>((done) =>
    client.getReport({ ...request, order: '', limit: 0, fill: true }, metadata, done),
  )
  t.equal(filled.rows.length, 25, 'in a zone of half hours a day of UTC touches 25')
  t.equal(filled.rows.filter(({ value }) => value === '0').length, 23)
})

t.test('events and deliveries are the same over gRPC', async (t) => {
  const page = {
    type: '',
    subject: '',
    source: '',
    status: '',
    from: undefined,
    to: undefined,
    limit: 1,
    cursor: '',
  }
  const events = await call<ListEventsResponse>((done) => client.listEvents(page, metadata, done))
  t.match(events.events, [{ event: { id: 'e2', source: 'pos', type: 'order.paid' }, status: 'processed' }])
  const older = await call<ListEventsResponse>((done) =>
    client.listEvents({ ...page, cursor: events.nextCursor }, metadata, done),
  )
  t.match(older.events, [
    {
      event: {
        id: 'e1',
        data: Buffer.from('{"amount":0.1}'),
        extensions: {
          vip: { value: { $case: 'boolean', value: true } },
          n: { value: { $case: 'integer', value: 7 } },
          x: { value: { $case: 'text', value: 'y' } },
        },
      },
      receivedAt: at('2026-01-01T10:00:31Z'),
    },
  ])
  const deliveries = await call<ListDeliveriesResponse>((done) =>
    client.listDeliveries(
      { ...ListDeliveriesRequest.decode(Buffer.alloc(0)), postback: 'p1', status: 'delivered' },
      metadata,
      done,
    ),
  )
  t.match(deliveries.deliveries, [
    {
      id: 'd1',
      postbackId: 'p1',
      status: 'delivered',
      attempts: [{ number: 1, responseCode: 200, durationUs: 2_500 }],
    },
  ])
  const one = await call<GetDeliveryResponse>((done) => client.getDelivery({ id: 'd1' }, metadata, done))
  t.match(one.delivery, { id: 'd1', status: 'delivered', event: undefined, transitions: [] })
  const postback = await call<GetPostbackResponse>((done) => client.getPostback({ id: 'p1' }, metadata, done))
  t.match(postback, { status: 'delivered', counts: { delivered: 1, held: 0 }, deliveries: [{ id: 'd1' }] })
  const [{ startedAtUs = 0 } = {}] = one.delivery?.attempts ?? []
  const range = { from: { seconds: startedAtUs / 1_000_000, nanos: 0 }, to: undefined }
  const summary = await call<SummarizeDeliveriesResponse>((done) =>
    client.summarizeDeliveries({ endpoint: '', ...range }, metadata, done),
  )
  t.match(summary.endpoints, [{ endpoint: '', requests: 1, delivered: 1, failed: 0 }])
})

t.test('GetEvent gives one event, with what the HTTP door tells of it', async (t) => {
  const found = await call<GetEventResponse>((done) =>
    client.getEvent({ id: 'e1', source: 'pos' }, metadata, done),
  )
  t.match(found.event, {
    event: {
      id: 'e1',
      source: 'pos',
      type: 'order.paid',
      extensions: { n: { value: { $case: 'integer', value: 7 } } },
    },
    status: 'processed',
    application: '',
    schemaVersion: 0,
  })
})

t.test('the catalog has the resources of the HTTP door, keys apart', async (t) => {
  const list = (kind: string) =>
    call<ListCatalogResponse>((done) => client.listCatalog({ kind, limit: 0, cursor: '' }, metadata, done))
  const { resources, nextCursor } = await list('meters')
  t.match(resources, [{ name: 'order-value', version: 1 }])
  t.equal(nextCursor, '')
  const { resource } = await call<GetCatalogResourceResponse>((done) =>
    client.getCatalogResource({ kind: 'meters', name: 'order-value' }, metadata, done),
  )
  t.same(resource, resources[0])
  const url = `http://127.0.0.1:${service.httpPort}/v1/meters/order-value`
  t.equal(resource?.json, await (await fetch(url, { headers: { authorization } })).text())
  t.same(await list('endpoints'), { resources: [], nextCursor: '' })
  await t.rejects(list('keys'), { code: status.INVALID_ARGUMENT }, 'these take another scope')
})

t.test('errors have the codes of the table', async (t) => {
  const fails = async (request: typeof wholeReport, sent: Metadata, code: status): Promise<void> => {
    const error = await call<GetReportResponse>((done) => client.getReport(request, sent, done)).catch(
      (it: unknown) => it,
    )
    t.match(error, { code })
  }
  await fails(wholeReport, new Metadata(), status.UNAUTHENTICATED)
  await fails({ ...wholeReport, meter: 'nope' }, metadata, status.NOT_FOUND)
  await fails({ ...wholeReport, window: 'fortnight' }, metadata, status.INVALID_ARGUMENT)
  await fails({ ...wholeReport, cursor: 'x' }, metadata, status.INVALID_ARGUMENT)
})

t.test('Live begins complete and goes on with what changed', async (t) => {
  const second = Math.floor(Date.now() / 1_000) - 2
  const groups = (sum: string) => [{ values: ['a'], count: 1, sum, min: sum, max: sum }]
  const update = { instance: 'one', asOfUs: Date.now() * 1_000 }
  edge.sendLive({ ...update, snapshot: true, seconds: [{ second, groups: groups('0.1') }] })
  const stream = client.live({ meter: 'order-value', seconds: 0 }, metadata)
  const messages: LiveResponse[] = []
  stream.on('data', (message: LiveResponse) => messages.push(message))
  stream.on('error', () => {})
  await until(() => messages.some(({ seconds }) => seconds.length > 0))
  t.match(messages[0], {
    dimensions: ['shop'],
    seconds: [{ second, groups: [{ values: ['a'], count: 1, sum: '0.1' }] }],
    reset: true,
    totals: { value: '0.1' },
    top: [{ values: ['a'], value: '0.1' }],
    sources: 1,
  })
  edge.sendLive({ ...update, snapshot: false, seconds: [{ second: second + 1, groups: groups('0.2') }] })
  await until(() => messages.some(({ seconds }) => seconds.some((it) => it.second === second + 1)))
  t.same(
    messages.at(-1)?.seconds.filter((it) => it.second === second),
    [],
    'what did not change is not repeated',
  )
  t.match(messages.at(-1), { reset: false, totals: { value: '0.3' }, top: [{ values: ['a'], value: '0.3' }] })
  stream.cancel()
  const refused = client.live({ meter: 'nope', seconds: 0 }, metadata)
  const error = await new Promise((resolve) => refused.once('error', resolve))
  t.match(error, { code: status.NOT_FOUND })
})
