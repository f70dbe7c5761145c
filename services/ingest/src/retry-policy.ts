import type { Endpoint } from '@millrace/catalog/endpoint-resource'
import type { RetryPolicy } from '@millrace/proto'

/** A retry setting of the API as deliveries carry it. */
export function toRetryPolicy(retry: NonNullable<Endpoint['retry']>): RetryPolicy {
  return typeof retry === 'string'
    ? { preset: retry, delaysMs: [], only5xx: retry === '5xx-only' }
    : { preset: '', delaysMs: retry.delaysMs, only5xx: false }
}
