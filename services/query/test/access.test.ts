import { type Scope, scopes } from '@millrace/catalog/scopes'
import {
  GetReportRequest,
  ListDeliveriesRequest,
  ListEventsRequest,
  LiveRequest,
  QueryServiceService,
  SummarizeDeliveriesRequest,
} from '@millrace/proto'
import { collectRoutes, createKeyring, keyFor, listMethods, openGrpc } from '@millrace/scripts/access'
import { ServiceError } from '@millrace/service-kit/errors'
import { startGrpcDoor } from '@millrace/service-kit/grpc-server'
import { createLogger } from '@millrace/service-kit/log'
import { Registry } from '@millrace/service-kit/metrics'
import { createReadiness } from '@millrace/service-kit/readiness'
import type { FastifyInstance } from 'fastify'
import t, { type Test } from 'tap'
import { createCursorCodec } from '../src/cursor.ts'
import { createQueryService } from '../src/grpc.ts'
import { createHttpApp, type HttpDeps } from '../src/http.ts'
import { createQueryMetrics } from '../src/metrics.ts'
import { createSessions } from '../src/session.ts'

interface Sample {
  readonly scope: Scope
  readonly url: string
  readonly body?: object
}

const report: Sample = { scope: 'reports:read', url: '/v1/reports/visits' }

/** Every route, with a request that a key of the scope may send; null for those that are open. A new route goes here. */
const routes: Readonly<Record<string, Sample | null>> = {
  'GET /ping': null,
  'GET /openapi.json': null,
  'GET /docs': null,
  'GET /': null,
  'GET /reports': null,
  'GET /events': null,
  'GET /deliveries': null,
  'GET /postbacks': null,
  'GET /catalog': null,
  'GET /session': null,
  'POST /session': null,
  'DELETE /session': null,
  // These take a session: http-session.test.ts.
  'POST /console/v1/postbacks': null,
  'POST /console/v1/replays': null,
  'GET /v1/reports/:meter': report,
  'POST /v1/reports/:meter': { ...report, body: {} },
  'GET /v1/reports/:meter/live': { ...report, url: '/v1/reports/visits/live' },
  'GET /v1/events': { scope: 'events:read', url: '/v1/events' },
  'GET /v1/events/:id': { scope: 'events:read', url: '/v1/events/1' },
  'GET /v1/deliveries': { scope: 'deliveries:read', url: '/v1/deliveries' },
  'GET /v1/deliveries/summary': { scope: 'deliveries:read', url: '/v1/deliveries/summary' },
  'GET /v1/deliveries/:id': { scope: 'deliveries:read', url: '/v1/deliveries/1' },
  'GET /v1/postbacks/:id': { scope: 'deliveries:read', url: '/v1/postbacks/1' },
  'GET /v1/event-types': { scope: 'catalog:read', url: '/v1/event-types' },
  'GET /v1/event-types/:name': { scope: 'catalog:read', url: '/v1/event-types/a' },
  'GET /v1/meters': { scope: 'catalog:read', url: '/v1/meters' },
  'GET /v1/meters/:name': { scope: 'catalog:read', url: '/v1/meters/a' },
  'GET /v1/endpoints': { scope: 'catalog:read', url: '/v1/endpoints' },
  'GET /v1/endpoints/:name': { scope: 'catalog:read', url: '/v1/endpoints/a' },
  'GET /v1/replays': { scope: 'catalog:read', url: '/v1/replays' },
  'GET /v1/replays/:name': { scope: 'catalog:read', url: '/v1/replays/a' },
  'GET /v1/settings': { scope: 'catalog:read', url: '/v1/settings' },
  'GET /v1/keys': { scope: 'keys:admin', url: '/v1/keys' },
  'GET /v1/keys/:name': { scope: 'keys:admin', url: '/v1/keys/a' },
}
/** Files of the page for people. */
const isAsset = (route: string): boolean => route.startsWith('GET /assets/')

const tenants = ['acme', 'other'] as const

/** A core in which nothing is to be found, and which tells whose things were looked for. */
function emptyCore(touched: string[]) {
  const look = (tenant: string): never => {
    touched.push(tenant)
    throw new ServiceError('not-found', 'There is nothing here.')
  }
  const lookFor = async ({ tenant }: { readonly tenant: string }): Promise<never> => look(tenant)
  const deps: HttpDeps = {
    reports: { read: lookFor, render: ({ reader }) => lookFor(reader), peek: () => undefined },
    live: { subscribe: ({ tenant }) => look(tenant), subscribers: () => 0, feeds: () => 0, stop: () => {} },
    events: { list: lookFor, find: lookFor },
    deliveries: { list: lookFor, find: lookFor, findPostback: lookFor },
    deliverySummaries: { summarize: lookFor },
    catalog: { meter: look, list: look },
    cursors: createCursorCodec('root-key-of-the-tests'),
    metrics: createQueryMetrics(new Registry()),
    sessions: createSessions({ rootKey: 'root-key-of-the-tests', sessionMinutes: 5 }),
    authenticator: createKeyring(tenants),
    limits: { take: () => undefined, charge: () => undefined },
    keyUsage: { lastUsedAtUs: () => undefined },
    replays: { read: async () => new Map() },
    logger: createLogger('query', 'silent'),
    countRequest: () => {},
  }
  return deps
}

async function startDoor(t: Test) {
  const touched: string[] = []
  const state: { app?: FastifyInstance } = {}
  const found = await collectRoutes(async () => {
    state.app = await createHttpApp(emptyCore(touched))
  })
  const { app } = state
  if (app === undefined) throw new Error('the door did not open')
  t.teardown(() => app.close())
  const send = async (route: string, sample: Sample, authorization: string | undefined) => {
    const response = await app.inject({
      method: (route.split(' ')[0] ?? '') as 'GET',
      url: sample.url,
      headers: {
        ...(authorization !== undefined && { authorization }),
        ...(sample.body !== undefined && { 'content-type': 'application/json' }),
      },
      ...(sample.body !== undefined && { payload: JSON.stringify(sample.body) }),
    })
    return response.statusCode
  }
  return { app, found, touched, send }
}

const closed = Object.entries(routes).flatMap(([route, sample]) =>
  sample === null ? [] : [[route, sample] as const],
)

t.test('the table has every route', async (t) => {
  const { found } = await startDoor(t)
  const served = found.filter((route) => !isAsset(route))
  t.same(served, Object.keys(routes).sort(), 'a new route needs an entry, with the scope that it takes')
})

t.test('each route lets each scope in or not', async (t) => {
  const { send } = await startDoor(t)
  for (const [route, sample] of closed) {
    t.equal(await send(route, sample, undefined), 401, `${route} without a key`)
    t.equal(await send(route, sample, 'Bearer mr_unknown'), 401, `${route} with an unknown key`)
    for (const scope of scopes) {
      const expected = scope === sample.scope ? 404 : 403
      t.equal(await send(route, sample, keyFor('acme', scope)), expected, `${route} with ${scope}`)
    }
  }
})

t.test('each route looks for things of the key’s tenant only', async (t) => {
  const { send, touched } = await startDoor(t)
  for (const [route, sample] of closed) {
    for (const tenant of tenants) {
      touched.length = 0
      await send(route, sample, keyFor(tenant, sample.scope))
      t.same([...new Set(touched)], [tenant], `${route} for ${tenant}`)
    }
  }
})

t.test('the description names the scope that each route takes', async (t) => {
  const { app } = await startDoor(t)
  const document = (await app.inject('/openapi.json')).json() as {
    paths: Record<string, Record<string, { security?: Record<string, string[]>[] }>>
  }
  for (const [route, { scope }] of closed) {
    const [method = '', url = ''] = route.split(' ')
    const described = document.paths[url.replace(/:(\w+)/g, '{$1}')]?.[method.toLowerCase()]
    t.same(
      described?.security?.flatMap((one) => Object.values(one).flat()),
      [scope],
      route,
    )
  }
})

const nothing = Buffer.alloc(0)
/** Every method of the gRPC door, as above. */
const methods: Readonly<Record<string, { readonly scope: Scope; readonly request: object }>> = {
  getReport: { scope: 'reports:read', request: { ...GetReportRequest.decode(nothing), meter: 'visits' } },
  live: { scope: 'reports:read', request: { ...LiveRequest.decode(nothing), meter: 'visits' } },
  listEvents: { scope: 'events:read', request: ListEventsRequest.decode(nothing) },
  getEvent: { scope: 'events:read', request: { id: '1', source: '' } },
  listCatalog: { scope: 'catalog:read', request: { kind: 'meters', limit: 0, cursor: '' } },
  getCatalogResource: { scope: 'catalog:read', request: { kind: 'meters', name: 'a' } },
  listKeys: { scope: 'keys:admin', request: { limit: 0, cursor: '' } },
  getKey: { scope: 'keys:admin', request: { id: 'key_1' } },
  listDeliveries: { scope: 'deliveries:read', request: ListDeliveriesRequest.decode(nothing) },
  getDelivery: { scope: 'deliveries:read', request: { id: 'dl_1' } },
  getPostback: { scope: 'deliveries:read', request: { id: 'pb_1' } },
  summarizeDeliveries: { scope: 'deliveries:read', request: SummarizeDeliveriesRequest.decode(nothing) },
}

t.test('each gRPC method lets each scope in or not, for its tenant', async (t) => {
  t.same(listMethods(QueryServiceService), Object.keys(methods).sort(), 'a new method needs an entry')
  const touched: string[] = []
  const door = await startGrpcDoor(
    { readiness: createReadiness([]) },
    { grpcHost: '127.0.0.1', grpcPort: 0 },
    [createQueryService(emptyCore(touched))],
  )
  const client = openGrpc(QueryServiceService, door.port)
  t.teardown(async () => {
    client.close()
    await door.stop(100)
  })
  for (const [method, { scope, request }] of Object.entries(methods)) {
    t.equal(await client.outcome(method, request, undefined), 'UNAUTHENTICATED', `${method} without a key`)
    for (const one of scopes) {
      const expected = one === scope ? 'NOT_FOUND' : 'PERMISSION_DENIED'
      t.equal(await client.outcome(method, request, keyFor('acme', one)), expected, `${method} with ${one}`)
    }
    for (const tenant of tenants) {
      touched.length = 0
      await client.outcome(method, request, keyFor(tenant, scope))
      t.same(touched, [tenant], `${method} for ${tenant}`)
    }
  }
})
