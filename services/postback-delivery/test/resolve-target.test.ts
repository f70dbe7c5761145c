import { createCatalogStore } from '@millrace/catalog/catalog-store'
import t from 'tap'
import { type FindEndpoint, resolveTarget, type SendTarget } from '../src/resolve-target.ts'
import { makeDelivery } from './helper.ts'

const url = 'https://partner.example/hook?of={subject}'
const secrets = [{ sealed: 'x', createdAt: '2026-01-01T00:00:00Z' }]
const defaults = { concurrencyPerOrigin: 16, timeoutMs: 10_000 }

function setUp(endpoint?: object) {
  const catalog = createCatalogStore()
  let version = 0
  const put = (body: object | undefined): void => {
    version += 1
    const json = body === undefined ? '' : JSON.stringify({ ...body, secrets })
    const record = { tenant: 'acme', kind: 'endpoint', name: 'partner-a', version, json }
    catalog.apply({ ...record, deleted: body === undefined, writtenAtUs: 0, writtenBy: '' })
  }
  if (endpoint !== undefined) put(endpoint)
  const delivery = makeDelivery({ tenant: 'acme', endpoint: 'partner-a' })
  const find: FindEndpoint = (tenant, name) => catalog.endpoint(tenant, name)
  return { put, resolve: (findEndpoint = find) => resolveTarget(delivery, findEndpoint, defaults) }
}

t.test('what an endpoint does not say is the default', async (t) => {
  t.same(setUp({ url }).resolve(), {
    kind: 'send',
    queueKey: 'acme/endpoint/partner-a',
    registered: { version: 1, changedAtMs: 0 },
    concurrency: 8,
    timeoutMs: 10_000,
    request: {
      method: 'POST',
      url,
      headers: { 'content-type': 'application/cloudevents+json' },
      body: undefined,
      defaults: {},
    },
    retry: { preset: 'webhook', delaysMs: [], only5xx: false },
    secrets,
    signatures: ['v1'],
  })
})

t.test('the resource of the moment decides, whatever it was when the event came', async (t) => {
  const { put, resolve } = setUp({ url, retry: '5xx-only' })
  t.match(resolve(), { retry: { preset: '5xx-only', only5xx: true } })
  const changed = {
    url: 'https://other.example/',
    method: 'PUT',
    headers: { 'x-team': 'eu' },
    timeoutMs: 500,
  }
  put({ ...changed, retry: { delaysMs: [5] }, concurrency: 1, rateLimit: { perSecond: 2.5 } })
  t.match(resolve(), {
    kind: 'send',
    concurrency: 1,
    ratePerSecond: 2.5,
    timeoutMs: 500,
    retry: { preset: '', delaysMs: [5], only5xx: false },
    request: { method: 'PUT', url: 'https://other.example/', headers: { 'x-team': 'eu' } },
  })
  put({ url, enabled: false })
  t.same(resolve(), { kind: 'hold', reason: 'endpoint_disabled' })
  put({ url, enabled: true })
  t.match(resolve(), { kind: 'send' })
  put(undefined)
  t.same(resolve(), { kind: 'dead', reason: 'endpoint_gone' })
})

t.test('a request without a body has no content-type, and one of its own is kept', async (t) => {
  const headersOf = (endpoint: object) => (setUp(endpoint).resolve() as SendTarget).request.headers
  t.same(headersOf({ url, method: 'GET' }), {})
  t.same(headersOf({ url, headers: { 'Content-Type': 'application/json' } }), {
    'Content-Type': 'application/json',
  })
})

t.test('a postback is its own target, in the queue of its tenant and origin, and unsigned', async (t) => {
  const find = () => undefined
  const delivery = makeDelivery({ request: { url: 'HTTP://A.test:81/x?y={z}' } })
  t.same(resolveTarget(delivery, find, defaults), {
    kind: 'send',
    queueKey: 'default/origin/http://a.test:81',
    concurrency: 16,
    timeoutMs: 10_000,
    request: delivery.request,
    retry: delivery.retry,
    secrets: [],
    signatures: [],
  })
  t.match(resolveTarget({ ...delivery, tenant: 'other', timeoutMs: 700 }, find, defaults), {
    queueKey: 'other/origin/http://a.test:81',
    timeoutMs: 700,
  })
})

t.test('deliveries of an endpoint that cannot be used are kept until it is written anew', async (t) => {
  t.same(
    setUp().resolve(() => 'unusable'),
    { kind: 'hold', reason: 'endpoint_disabled' },
  )
})
