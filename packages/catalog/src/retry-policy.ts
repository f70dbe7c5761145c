import type { RetryPolicy } from '@millrace/proto'
import type { Endpoint } from './endpoint-resource.ts'

/** A retry setting of the API as deliveries carry it. */
export function toRetryPolicy(retry: NonNullable<Endpoint['retry']>): RetryPolicy {
  return typeof retry === 'string'
    ? { preset: retry, delaysMs: [], only5xx: retry === '5xx-only' }
    : { preset: '', delaysMs: retry.delaysMs, only5xx: false }
}
