import type { Health } from './breakers.ts'
import type { FailureCode } from './judge-response.ts'

/** Failures that are not the receiver's. */
const ownFailures: ReadonlySet<FailureCode> = new Set([
  'render',
  'signing',
  'forbidden_address',
  'endpoint_gone',
  'endpoint_disabled',
])

/**
 * What an attempt says of its receiver; undefined when it says nothing. Of an origin of postbacks, which may be that of
 * many, a status says nothing bad: one path's 500 is none of the other's concern.
 */
export function judgeHealth(
  {
    statusCode,
    failure,
  }: { readonly statusCode: number; readonly failure: { code: FailureCode } | undefined },
  isEndpoint: boolean,
): Health | undefined {
  if (failure !== undefined) return ownFailures.has(failure.code) ? undefined : 'failed'
  if (statusCode >= 200 && statusCode < 300) return 'good'
  const refuses = statusCode >= 500 || statusCode === 408 || statusCode === 429
  return isEndpoint && refuses ? 'failed' : 'answered'
}
