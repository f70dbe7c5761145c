import { createCatalogStore } from '@millrace/catalog/catalog-store'
import { Delivery } from '@millrace/proto'
import { ServiceError } from '@millrace/service-kit/errors'
import type { OutgoingMessage } from '@millrace/service-kit/kafka-producer'
import t from 'tap'
import { createTestEndpoint, type TestEndpointDeps } from '../src/test-endpoint.ts'

const url = 'https://partner.example/hook'
const reception = {
  tenant: 'acme',
  application: 'console',
  receivedAtUs: 1_700_000_000_000_001,
  traceparent: '00-1',
}

function setUp(endpoint: object, overrides: Partial<TestEndpointDeps> = {}) {
  const store = createCatalogStore()
  const json = JSON.stringify({ ...endpoint, secrets: [{ sealed: 'x', createdAt: '' }] })
  const written = { version: 1, deleted: false, json, writtenAtUs: 0, writtenBy: '' }
  store.apply({ tenant: 'acme', kind: 'endpoint', name: 'partner-a', ...written })
  const sent: OutgoingMessage[] = []
  let ids = 0
  const test = createTestEndpoint(
    {
      catalog: () => store,
      catalogPosition: () => 17,
      newId: () => {
        ids += 1
        return `id-${ids}`
      },
      overload: () => undefined,
      send: async (message) => sent.push(message),
      ...overrides,
    },
    'millrace.postbacks',
  )
  return { test, delivery: () => Delivery.decode(sent[0]?.value as Buffer), sent }
}

t.test(
  'a test is a delivery of a CloudEvent to the endpoint, whose settings are looked up when it is sent',
  async (t) => {
    const { test, delivery, sent } = setUp({ url, method: 'PUT', eventTypes: ['order.paid'] })
    const accepted = await test('partner-a', reception)
    const { data, ...rest } = delivery()
    t.same(accepted, { id: rest.id, deliveries: [{ id: rest.id }] })
    t.match(sent, [{ topic: 'millrace.postbacks', key: rest.id }])
    t.match(rest, {
      tenant: 'acme',
      id: /^dl_id-/,
      postbackId: '',
      endpoint: 'partner-a',
      request: undefined,
      retry: undefined,
      acceptedAtUs: reception.receivedAtUs,
      application: 'console',
      timeoutMs: 0,
      catalogThrough: 17,
      traceparent: '00-1',
    })
    t.match(JSON.parse(data.toString()), {
      specversion: '1.0',
      type: 'millrace.endpoint.test',
      source: '/millrace/endpoints/partner-a',
      time: '2023-11-14T22:13:20.000001Z',
      data: { endpoint: 'partner-a' },
    })
  },
)

t.test('nothing is sent to an endpoint that is disabled, or another tenant’s, or not there', async (t) => {
  const { test, sent } = setUp({ url, enabled: false })
  await t.rejects(test('partner-a', reception), { code: 'conflict', message: /Enable it first/ })
  await t.rejects(test('partner-b', reception), { code: 'not-found' })
  await t.rejects(test('partner-a', { ...reception, tenant: 'other' }), { code: 'not-found' })
  t.same(sent, [])
})

t.test('without Kafka, or when it is behind, the caller is told to come again', async (t) => {
  await t.rejects(setUp({ url }, { catalog: () => undefined }).test('partner-a', reception), {
    code: 'unavailable',
  })
  const behind = setUp({ url }, { overload: () => new ServiceError('unavailable', 'behind') })
  await t.rejects(behind.test('partner-a', reception), { code: 'unavailable' })
  t.same(behind.sent, [])
})
