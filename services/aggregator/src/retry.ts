import { setTimeout as sleep } from 'node:timers/promises'

const firstPauseMs = 50
const longestPauseMs = 1_000
/** Attempts are not given more than this, whatever they take. */
export const longestAttemptMs = 600_000

export interface RetryOptions {
  readonly signal: AbortSignal
  /**
   * What an attempt may take at first; each that was not done by then gives the next one twice as long. What it has begun
   * may go on when it is given up, so that under a load one limit for all would be met by none of them. One that failed
   * earlier says nothing of how long it takes.
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
  let ms = limitMs
  for (let attempt = 1; ; attempt += 1) {
    signal.throwIfAborted()
    const limit = startLimit(ms, signal)
    try {
      return await operation(limit.signal)
    } catch (error) {
      signal.throwIfAborted()
      if (limit.signal.aborted) ms *= 2
      onFailure?.(error, attempt)
    } finally {
      limit.end()
    }
    await sleep(Math.min(firstPauseMs * 2 ** (attempt - 1), longestPauseMs), undefined, { signal })
  }
}

interface Limit {
  /** Aborts when the time is over, or the outer one does. */
  readonly signal: AbortSignal
  end(): void
}

function startLimit(limitMs: number, outer: AbortSignal): Limit {
  if (limitMs === Number.POSITIVE_INFINITY) return { signal: outer, end: () => {} }
  const attempt = new AbortController()
  const abort = (): void => attempt.abort(outer.reason)
  outer.addEventListener('abort', abort, { once: true })
  const ms = Math.min(limitMs, longestAttemptMs)
  const timer = setTimeout(() => attempt.abort(new Error(`not done within ${ms} ms`)), ms)
  return {
    signal: attempt.signal,
    end() {
      clearTimeout(timer)
      outer.removeEventListener('abort', abort)
    },
  }
}
