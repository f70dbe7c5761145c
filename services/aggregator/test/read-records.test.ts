import { EventBatch } from '@millrace/proto'
import { createLogger } from '@millrace/service-kit/log'
import t from 'tap'
import { createAggregatorMetrics } from '../src/metrics.ts'
import { longestBeforeAppendMs, readRecords } from '../src/read-records.ts'
import { makeEvent } from './event-fixture.ts'

const deps = { metrics: createAggregatorMetrics(), logger: createLogger('test', 'silent') }
const appendedAtMs = Date.UTC(2026, 0, 1)

/** `received_at` of an event that ingest stamped so long after the append (before it: negative). */
function readReceivedAt(stampedAfterMs: number, timestamp = appendedAtMs): number | undefined {
  const event = makeEvent('{}', { receivedAtUs: (appendedAtMs + stampedAfterMs) * 1_000 })
  const batch = EventBatch.encode({
    records: [{ record: { $case: 'event', value: event } }],
    catalogThrough: 0,
  })
  const value = Buffer.from(batch.finish())
  const message = { topic: 'events', partition: 0, offset: 0, value, size: value.length, timestamp }
  return readRecords(message, deps).events[0]?.event.receivedAtUs
}

t.test('ingest’s time stands when it lies shortly before the append', async (t) => {
  for (const ms of [0, -1, -longestBeforeAppendMs]) t.equal(readReceivedAt(ms), (appendedAtMs + ms) * 1_000)
})

t.test('an event that waited long for its append counts as received shortly before it', async (t) => {
  t.equal(readReceivedAt(-30_000), (appendedAtMs - longestBeforeAppendMs) * 1_000)
})

t.test('an event from a clock that is ahead counts as received at its append', async (t) => {
  t.equal(readReceivedAt(30_000), appendedAtMs * 1_000 + 999)
})

t.test('without an append time ingest’s stands', async (t) => {
  t.equal(readReceivedAt(-30_000, -1), (appendedAtMs - 30_000) * 1_000)
})

t.test('a well-framed event whose extensions are malformed is skipped', async (t) => {
  const malformed = Buffer.from('5a010f', 'hex')
  const framed = (tag: number, body: Buffer): Buffer => Buffer.concat([Buffer.from([tag, body.length]), body])
  const fields = framed(0x1a, Buffer.from('id-1'))
  const event = Buffer.concat([fields, malformed])
  const read = (value: Buffer) =>
    readRecords({ topic: 'events', partition: 0, offset: 0, value, size: value.length }, deps)
  t.equal(read(framed(0x0a, framed(0x0a, fields))).events.length, 1, 'the rest of the event is fine')
  t.strictSame(read(framed(0x0a, framed(0x0a, event))), { events: [], changes: [], catalogThrough: 0 })
})
