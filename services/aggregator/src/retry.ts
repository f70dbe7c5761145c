import { setTimeout as sleep } from 'node:timers/promises'

const firstPauseMs = 50
const longestPauseMs = 1_000
/** Attempts are not given more than this, whatever they take. */
export const longestAttemptMs = 600_000

export interface RetryOptions {
  readonly signal: AbortSignal
  /**
   * What the first attempt may take; each further one may take twice as long as the one before. What an attempt has begun
   * may go on when it is given up, so that under a load one limit for all would be met by none of them.
   */
  readonly limitMs?: number
  /** @param attempt 1 for the first */
  readonly onFailure?: (error: unknown, attempt: number) => void
}

/**
 * Tries until it works, with pauses of at most a second; rejects only when `signal` aborts.
 * @param operation is given a signal for this attempt alone
 */
export async function retryUntilDone<Result>(
  operation: (signal: AbortSignal) => Promise<Result>,
  { signal, limitMs = Number.POSITIVE_INFINITY, onFailure }: RetryOptions,
): Promise<Result> {
  for (let attempt = 1; ; attempt += 1) {
    signal.throwIfAborted()
    try {
      return await within(limitMs * 2 ** (attempt - 1), signal, operation)
    } catch (error) {
      signal.throwIfAborted()
      onFailure?.(error, attempt)
      await sleep(Math.min(firstPauseMs * 2 ** (attempt - 1), longestPauseMs), undefined, { signal })
    }
  }
}

async function within<Result>(
  limitMs: number,
  outer: AbortSignal,
  operation: (signal: AbortSignal) => Promise<Result>,
): Promise<Result> {
  if (limitMs === Number.POSITIVE_INFINITY) return await operation(outer)
  const attempt = new AbortController()
  const end = (): void => attempt.abort(outer.reason)
  outer.addEventListener('abort', end, { once: true })
  const ms = Math.min(limitMs, longestAttemptMs)
  const limit = setTimeout(() => attempt.abort(new Error(`not done within ${ms} ms`)), ms)
  try {
    return await operation(attempt.signal)
  } finally {
    clearTimeout(limit)
    outer.removeEventListener('abort', end)
  }
}
