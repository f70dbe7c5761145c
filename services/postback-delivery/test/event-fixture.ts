import type { Event } from '@millrace/proto'

/** A valid event with JSON data, with what a test cares about in its place. */
export function makeEvent(
  parts: Partial<Omit<Event, 'data'>> & { readonly data?: string | Buffer } = {},
): Event {
  const { data = '{"amount":1.10}', ...rest } = parts
  return {
    tenant: 'acme',
    source: '/shop',
    id: 'e-1',
    type: 'order.paid',
    subject: 'eu/7',
    occurredAtUs: 1_700_000_000_000_000,
    receivedAtUs: 1_700_000_000_500_000,
    dataContentType: '',
    dataSchema: '',
    data: Buffer.from(data),
    extensions: {},
    traceparent: '',
    application: 'web-shop',
    backfill: false,
    ...rest,
  }
}
