import { type Scope, scopes } from '@millrace/catalog/scopes'
import { CloudEvent, IngestServiceService, PublishRequest, PublishStreamRequest } from '@millrace/proto'
import { collectRoutes, createKeyring, keyFor, listMethods, openGrpc } from '@millrace/scripts/access'
import { startGrpcDoor } from '@millrace/service-kit/grpc-server'
import { createLogger } from '@millrace/service-kit/log'
import { Registry } from '@millrace/service-kit/metrics'
import { createReadiness } from '@millrace/service-kit/readiness'
import t, { type Test } from 'tap'
import { createIngestGrpc } from '../src/grpc.ts'
import type { IngestHttpDeps } from '../src/http.ts'
import { createIngestMetrics } from '../src/metrics.ts'
import { createRequestBudget } from '../src/request-budget.ts'
import { type SampleHttp, startSampleHttp } from './sample-doors.ts'

interface Sample {
  readonly scope: Scope
  readonly url: string
  readonly body?: object
}

const meter = { eventTypes: ['a'], aggregation: 'count' }
const endpoint = { url: 'https://partner.example/hook', eventTypes: ['a'] }

/** Every route, with a request that a key of the scope may send; null for those that are open. A new route goes here. */
const routes: Readonly<Record<string, readonly Sample[] | null>> = {
  'GET /ping': null,
  'GET /asyncapi.json': null,
  'GET /openapi.json': null,
  'GET /docs': null,
  'POST /v1/events': [{ scope: 'events:write', url: '/v1/events', body: { type: 'a' } }],
  'POST /v1/events/:id/settlement': [
    { scope: 'events:settle', url: '/v1/events/1/settlement?source=a', body: { reference: 'r' } },
  ],
  'DELETE /v1/events/:id': [{ scope: 'events:retract', url: '/v1/events/1?source=a' }],
  'POST /v1/postbacks': [postback('/v1/postbacks')],
  'POST /postback': [postback('/postback')],
  'PUT /v1/event-types/:name': [{ scope: 'catalog:write', url: '/v1/event-types/a', body: {} }],
  'DELETE /v1/event-types/:name': [{ scope: 'catalog:write', url: '/v1/event-types/a' }],
  'PUT /v1/meters/:name': [{ scope: 'catalog:write', url: '/v1/meters/a', body: meter }],
  'DELETE /v1/meters/:name': [{ scope: 'catalog:write', url: '/v1/meters/a' }],
  'PUT /v1/endpoints/:name': [{ scope: 'catalog:write', url: '/v1/endpoints/a', body: endpoint }],
  'DELETE /v1/endpoints/:name': [{ scope: 'catalog:write', url: '/v1/endpoints/a' }],
  'POST /v1/endpoints/:name/secret': [{ scope: 'catalog:write', url: '/v1/endpoints/a/secret' }],
  'POST /v1/endpoints/:name/test': [{ scope: 'catalog:write', url: '/v1/endpoints/a/test' }],
  'PUT /v1/settings': [
    { scope: 'catalog:write', url: '/v1/settings', body: { unknownEventTypes: 'accept' } },
  ],
  'POST /v1/replays': [
    { scope: 'events:write', url: '/v1/replays', body: { what: 'events', filter: {} } },
    { scope: 'deliveries:replay', url: '/v1/replays', body: { what: 'deliveries', filter: {} } },
  ],
  'POST /v1/keys': [
    { scope: 'keys:admin', url: '/v1/keys', body: { application: 'a', scopes: ['keys:admin'] } },
  ],
  'DELETE /v1/keys/:id': [{ scope: 'keys:admin', url: '/v1/keys/key_1' }],
}

function postback(url: string): Sample {
  return {
    scope: 'postbacks:write',
    url,
    body: { endpoint: { method: 'GET', url: 'https://partner.example/' }, data: [{}] },
  }
}

const tenants = ['acme', 'other'] as const
const tables = Object.entries(routes).flatMap(([route, samples]) =>
  (samples ?? []).map((sample) => ({ route, method: route.split(' ')[0] ?? '', ...sample })),
)

/** The door with a key of each tenant for each scope; tells whose things were touched. */
async function startDoor(t: Test) {
  const touched: string[] = []
  const authenticator = createKeyring(tenants)
  const overrides: Partial<IngestHttpDeps> = {
    authenticator,
    acceptEvents: async (events) => {
      touched.push(...events.map(({ tenant }) => tenant))
      return { ids: events.map(({ id }) => id), positions: [] }
    },
    acceptPostback: async (_postback, { tenant }) => {
      touched.push(tenant)
      return { id: 'pb_1', deliveries: [] }
    },
    acceptCommand: async ({ value }) => {
      touched.push(value.tenant)
    },
    endpoints: {
      box: { seal: () => 'sealed', open: () => '' } as never,
      now: () => 0,
      test: async (_name, { tenant }) => {
        touched.push(tenant)
        return { id: 'dl_1', deliveries: [] }
      },
    },
    writeCatalog: async (write) => {
      touched.push(write.tenant)
      return { version: 1, body: write.body ?? {}, updatedAt: '', updatedBy: '', created: true }
    },
    // As if every key were somebody else's: only the root key may act on it.
    tenantOfKey: () => 'somebody else',
  }
  const state: { sample?: SampleHttp } = {}
  const found = await collectRoutes(async () => {
    state.sample = await startSampleHttp(t, overrides)
  })
  if (state.sample === undefined) throw new Error('the door did not open')
  return { app: state.sample.app, found, touched, authenticator }
}

t.test('the table has every route', async (t) => {
  const { found } = await startDoor(t)
  t.same(found, Object.keys(routes).sort(), 'a new route needs an entry, with the scope that it takes')
})

t.test('each route lets each scope in or not', async (t) => {
  const { app } = await startDoor(t)
  for (const { route, method, scope, url, body } of tables) {
    const send = async (authorization: string | undefined): Promise<number> => {
      const response = await app.inject({
        method: method as 'GET',
        url,
        headers: {
          ...(authorization !== undefined && { authorization }),
          ...(body !== undefined && { 'content-type': 'application/json' }),
        },
        ...(body !== undefined && { payload: JSON.stringify(body) }),
      })
      return response.statusCode
    }
    t.equal(await send(undefined), 401, `${route} without a key`)
    t.equal(await send('Bearer mr_unknown'), 401, `${route} with an unknown key`)
    for (const one of scopes) {
      const code = await send(keyFor('acme', one))
      if (one === scope) t.ok(code < 300, `${route} with ${one}: ${code}`)
      else t.equal(code, 403, `${route} with ${one}`)
    }
  }
})

t.test('each route touches the things of the key’s tenant only', async (t) => {
  const { app, touched } = await startDoor(t)
  for (const { route, method, scope, url, body } of tables) {
    for (const tenant of tenants) {
      touched.length = 0
      await app.inject({
        method: method as 'GET',
        url,
        headers: {
          authorization: keyFor(tenant, scope),
          ...(body !== undefined && { 'content-type': 'application/json' }),
        },
        ...(body !== undefined && { payload: JSON.stringify(body) }),
      })
      t.same(touched, [tenant], `${route} for ${tenant}`)
    }
  }
})

t.test('the description names the scopes that each route takes', async (t) => {
  const { app } = await startDoor(t)
  const document = (await app.inject('/openapi.json')).json() as {
    security: unknown
    paths: Record<string, Record<string, { security?: Record<string, string[]>[] }>>
  }
  for (const [route, samples] of Object.entries(routes)) {
    const [method = '', url = ''] = route.split(' ')
    const described = document.paths[url.replace(/:(\w+)/g, '{$1}')]?.[method.toLowerCase()]
    if (described === undefined && samples === null) continue
    const told = new Set(described?.security?.flatMap((one) => Object.values(one).flat()))
    t.same([...told].sort(), (samples ?? []).map(({ scope }) => scope).sort(), route)
  }
})

const event = { ...CloudEvent.decode(Buffer.alloc(0)), id: '1', source: '/s', type: 'a' }

/** Every method of the gRPC door, as above. */
const methods: Readonly<Record<string, { readonly scope: Scope; readonly request: object }>> = {
  publish: {
    scope: 'events:write',
    request: { ...PublishRequest.decode(Buffer.alloc(0)), events: [event] },
  },
  publishStream: {
    scope: 'events:write',
    request: { ...PublishStreamRequest.decode(Buffer.alloc(0)), sequence: '1', events: [event] },
  },
}

t.test('each gRPC method lets each scope in or not, for its tenant', async (t) => {
  t.same(listMethods(IngestServiceService), Object.keys(methods).sort(), 'a new method needs an entry')
  const seen: string[] = []
  const { authenticator } = await startDoor(t)
  const { service, endStreams } = createIngestGrpc(
    {
      authenticator,
      limits: { take: () => undefined, charge: () => undefined },
      requestBudget: createRequestBudget(1_000_000),
      acceptEvents: async (events) => {
        seen.push(...events.map(({ tenant }) => tenant))
        return { ids: ['1'], positions: [] }
      },
      acceptPlainEvents: {
        read: () => undefined,
        readMessage: () => undefined,
        append: (_events, outcome) => outcome.confirmed([]),
      },
      storedWatch: { until: async () => true },
      metrics: createIngestMetrics(new Registry(), {
        requestBytes: () => 0,
        unconfirmedBytes: () => 0,
        queueMs: () => 0,
      }),
      logger: createLogger('ingest', 'silent'),
      now: () => 1_700_000_000_000_001,
      newId: () => 'new-id',
    },
    { maxBodyBytes: 10_000, maxEvents: 100, requestTimeoutMs: 1_000 },
  )
  const door = await startGrpcDoor(
    { readiness: createReadiness([]) },
    { grpcHost: '127.0.0.1', grpcPort: 0 },
    [service],
  )
  const client = openGrpc(IngestServiceService, door.port)
  t.teardown(async () => {
    client.close()
    await endStreams()
    await door.stop(100)
  })
  for (const [method, { scope, request }] of Object.entries(methods)) {
    t.equal(await client.outcome(method, request, undefined), 'UNAUTHENTICATED', `${method} without a key`)
    for (const one of scopes) {
      const expected = one === scope ? 'OK' : 'PERMISSION_DENIED'
      t.equal(await client.outcome(method, request, keyFor('acme', one)), expected, `${method} with ${one}`)
    }
    for (const tenant of tenants) {
      seen.length = 0
      await client.outcome(method, request, keyFor(tenant, scope))
      t.same(seen, [tenant], `${method} for ${tenant}`)
    }
  }
})
