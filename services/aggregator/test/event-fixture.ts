import { type Event, EventBatch } from '@millrace/proto'
import { decodeBatch } from '../src/decode-batch.ts'
import type { EventView } from '../src/event-view.ts'

/** An event of 2026-01-02T03:04:05.678901Z; `data` is JSON text. */
export function makeEvent(data: string, changes: Partial<Event> = {}): Event {
  const timeUs = Date.UTC(2026, 0, 2, 3, 4, 5) * 1_000 + 678_901
  return {
    tenant: 'default',
    source: 'shop',
    id: 'id-1',
    type: 'order.paid',
    subject: 'eu/7',
    occurredAtUs: timeUs,
    receivedAtUs: timeUs,
    dataContentType: 'application/json',
    dataSchema: '',
    data: Buffer.from(data),
    extensions: {},
    traceparent: '',
    application: 'web',
    backfill: false,
    ...changes,
  }
}

/** The event as it comes out of a message. */
export function viewEvent(value: Event): EventView {
  const batch = EventBatch.encode({ records: [{ record: { $case: 'event', value } }], catalogThrough: 0 })
  const event = decodeBatch(Buffer.from(batch.finish())).records[0]?.event
  if (event === undefined) throw new Error('the event was not read')
  return event
}
