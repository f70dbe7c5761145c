import { createCatalogStore } from '@millrace/catalog/catalog-store'
import type { CatalogWrite } from '@millrace/catalog/decide-write'
import type { StoredEndpoint } from '@millrace/catalog/endpoint-resource'
import { EventBatch } from '@millrace/proto'
import { eventPartition } from '@millrace/proto/event-partition'
import type { OutgoingMessage } from '@millrace/service-kit/kafka-producer'
import { createLogger } from '@millrace/service-kit/log'
import t from 'tap'
import { createDisabledTeller } from '../src/tell-disabled.ts'

const disabled = { at: '2026-01-01T00:00:00.000Z', reason: 'it answered 410 Gone' }

function setUp(endpoints: Readonly<Record<string, object>>) {
  const catalog = createCatalogStore()
  let version = 0
  const put = (name: string, body: object): void => {
    version += 1
    const json = JSON.stringify({ url: 'https://a.test/', secrets: [], enabled: false, ...body })
    const rest = { deleted: false, json, writtenAtUs: 0, writtenBy: '' }
    catalog.apply({ tenant: 'acme', kind: 'endpoint', name, version, ...rest })
  }
  for (const [name, body] of Object.entries(endpoints)) put(name, body)
  const sent: OutgoingMessage[] = []
  const done = Promise.withResolvers<void>()
  const teller = createDisabledTeller(
    {
      catalog,
      send: async (message) => sent.push(message),
      write: async ({ name, change }: CatalogWrite) => {
        const body = change?.(catalog.endpoint('acme', name)?.body) as StoredEndpoint
        put(name, body)
        done.resolve()
        return { version, body, updatedAt: '', updatedBy: '', created: false }
      },
      catalogPosition: () => 7,
      eventPartitions: () => 12,
      logger: createLogger('test', 'silent'),
    },
    { kafkaTopicPrefix: 'p-' },
  )
  return { put, teller, sent, catalog, done: done.promise }
}

t.test('what was disabled and not told of is told of once, and noted', async (t) => {
  const { teller, sent, catalog, done } = setUp({
    a: { disabled },
    told: { disabled: { ...disabled, told: true } },
    'by-hand': {},
  })
  teller.tellRest()
  await done
  t.equal(sent.length, 1)
  const batch = EventBatch.decode(sent[0]?.value ?? Buffer.alloc(0))
  const record = batch.records[0]?.record
  t.equal(batch.catalogThrough, 7)
  t.match(record, {
    $case: 'event',
    value: {
      tenant: 'acme',
      source: '/millrace/postback-delivery',
      id: 'a/2026-01-01T00:00:00.000Z',
      type: 'millrace.endpoint.disabled',
      subject: 'a',
      occurredAtUs: Date.UTC(2026, 0, 1) * 1_000,
    },
  })
  const event = record?.$case === 'event' ? record.value : undefined
  t.same(JSON.parse(String(event?.data)), { endpoint: 'a', disabledAt: disabled.at, reason: disabled.reason })
  t.match(sent[0], { topic: 'p-millrace.events', partition: event && eventPartition(event, 12) })
  t.match(catalog.endpoint('acme', 'a')?.body.disabled, { ...disabled, told: true })
  teller.tellRest()
  t.equal(sent.length, 1)
})

t.test('an endpoint that was enabled meanwhile is not touched', async (t) => {
  const { teller, put, catalog, done, sent } = setUp({ a: { disabled } })
  teller.tell({ tenant: 'acme', name: 'a' })
  put('a', { enabled: true })
  await done
  t.equal(sent.length, 1)
  t.match(catalog.endpoint('acme', 'a')?.body, { enabled: true, disabled: undefined })
})
