import type { Delivery, RequestTemplate } from '@millrace/proto'

/** A delivery that POSTs {} to nowhere, with what a test cares about in its place. */
export function makeDelivery(
  parts: Partial<Omit<Delivery, 'request' | 'data'>> & {
    readonly request?: Partial<RequestTemplate>
    readonly data?: unknown
  } = {},
): Delivery {
  const { request, data, ...rest } = parts
  return {
    tenant: 'default',
    id: 'd-1',
    postbackId: 'p-1',
    endpoint: '',
    request: { method: 'POST', url: 'http://receiver.test/hook', headers: {}, defaults: {}, ...request },
    data: Buffer.from(typeof data === 'string' ? data : JSON.stringify(data ?? {})),
    retry: { preset: 'webhook', delaysMs: [], only5xx: false },
    acceptedAtUs: 1_700_000_000_000_000,
    attempts: 0,
    notBeforeUs: 0,
    traceparent: '',
    application: 'test',
    timeoutMs: 0,
    catalogThrough: 0,
    ...rest,
  }
}
