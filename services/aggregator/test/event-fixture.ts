import type { Event } from '@millrace/proto'

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
