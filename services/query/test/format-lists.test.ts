import t from 'tap'
import { overallStatus } from '../src/delivery.ts'
import { formatEvent } from '../src/format-lists.ts'
import type { StoredEvent } from '../src/list-events.ts'

const stored: StoredEvent = {
  status: 'processed',
  source: 'shop',
  id: 'e1',
  type: 'order.paid',
  subject: '',
  occurredAtUs: 1_506_816_000_123_456,
  receivedAtUs: 1_506_816_001_000_000,
  storedAtUs: 1_506_816_002_000_000,
  dataContentType: '',
  dataSchema: '',
  data: Buffer.from('{"amount": 12345678901234567890.10, "b": 1.0}'),
  extensions: { status: 'gold', priority: 3, urgent: true },
  application: 'web',
  schemaVersion: 2,
  reason: '',
  pointer: '',
  changes: {},
  position: ['0', '0', '0', '0'],
}

t.test('an event’s data is shown byte for byte, its extensions with their types', async (t) => {
  const text = formatEvent(stored)
  t.match(text, '"data":{"amount": 12345678901234567890.10, "b": 1.0}}')
  t.match(JSON.parse(text), {
    event: {
      specversion: '1.0',
      id: 'e1',
      time: '2017-10-01T00:00:00.123456Z',
      status: 'gold',
      priority: 3,
      urgent: true,
    },
    status: 'processed',
    schemaVersion: 2,
  })
  const { event } = JSON.parse(text) as { event: object }
  t.notOk('subject' in event)
})

t.test('an invalid event tells its reason', async (t) => {
  const invalid: StoredEvent = {
    ...stored,
    status: 'invalid',
    reason: 'must be number',
    pointer: '/data/amount',
  }
  t.match(JSON.parse(formatEvent(invalid)), {
    status: 'invalid',
    reason: 'must be number',
    pointer: '/data/amount',
  })
})

t.test('an event tells who settled and who retracted it, and when', async (t) => {
  const changes = {
    settlement: { reference: 'run 7', settledAtUs: 1_506_816_003_000_000, by: 'payroll' },
    retraction: { retractedAtUs: 1_506_816_004_000_001, by: 'clinic', erased: false },
  }
  t.match(JSON.parse(formatEvent({ ...stored, changes })), {
    settlement: { reference: 'run 7', settledAt: '2017-10-01T00:00:03.000Z', by: 'payroll' },
    retraction: { retractedAt: '2017-10-01T00:00:04.000001Z', by: 'clinic', erased: false },
  })
  const untouched = JSON.parse(formatEvent(stored)) as object
  t.notOk('settlement' in untouched || 'retraction' in untouched)
})

t.test('text stays text, other bytes come as base64', async (t) => {
  const shown = (dataContentType: string, data: Buffer): unknown =>
    (JSON.parse(formatEvent({ ...stored, dataContentType, data })) as { event: unknown }).event
  t.match(shown('text/xml', Buffer.from('<a b="ö"/>')), { data: '<a b="ö"/>' })
  t.match(shown('text/plain', Buffer.from([0xff])), { data_base64: '/w==' })
  t.match(shown('image/png', Buffer.from([1, 2])), { data_base64: 'AQI=' })
})

t.test('data is JSON for the reader whenever it was for ingest and the aggregator', async (t) => {
  for (const dataContentType of ['application/json ; charset=utf-8', 'model/vnd.shop+json ;v=1']) {
    t.match(formatEvent({ ...stored, dataContentType }), '"data":{"amount": 1234', dataContentType)
  }
})

t.test('data that is no JSON is shown in base64', async (t) => {
  const binary = { ...stored, dataContentType: 'image/png', data: Buffer.from([0, 255, 1]) }
  t.match(JSON.parse(formatEvent(binary)), { event: { data_base64: 'AP8B', datacontenttype: 'image/png' } })
  const broken = { ...stored, data: Buffer.from('{"a":') }
  t.match(JSON.parse(formatEvent(broken)), {
    event: { data_base64: Buffer.from('{"a":').toString('base64') },
  })
  const none = JSON.parse(formatEvent({ ...stored, data: Buffer.alloc(0) })) as { event: object }
  t.notOk('data' in none.event)
})

t.test('a postback is delivered once all its deliveries are', async (t) => {
  const none = { pending: 0, retrying: 0, delivered: 0, dead: 0, held: 0 }
  t.equal(overallStatus({ ...none, delivered: 3 }), 'delivered')
  t.equal(overallStatus({ ...none, delivered: 3, dead: 1 }), 'dead')
  t.equal(overallStatus({ ...none, delivered: 3, dead: 1, retrying: 1 }), 'retrying')
  t.equal(overallStatus({ ...none, delivered: 3, held: 1 }), 'held')
  t.equal(overallStatus({ ...none, delivered: 3, pending: 1 }), 'pending')
})
