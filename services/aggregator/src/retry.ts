import { setTimeout as sleep } from 'node:timers/promises'

const firstPauseMs = 50
const longestPauseMs = 1_000

export interface RetryOptions {
  readonly signal: AbortSignal
  /** @param attempt 1 for the first */
  readonly onFailure?: (error: unknown, attempt: number) => void
}

/** Tries until it works, with pauses of at most a second; rejects only when `signal` aborts. */
export async function retryUntilDone<Result>(
  operation: () => Promise<Result>,
  { signal, onFailure }: RetryOptions,
): Promise<Result> {
  for (let attempt = 1; ; attempt += 1) {
    signal.throwIfAborted()
    try {
      return await operation()
    } catch (error) {
      signal.throwIfAborted()
      onFailure?.(error, attempt)
      await sleep(Math.min(firstPauseMs * 2 ** (attempt - 1), longestPauseMs), undefined, { signal })
    }
  }
}
