import { setTimeout as wait } from 'node:timers/promises'

/** A failure that another try may mend. */
export class RetryableError extends Error {
  override readonly name = 'RetryableError'
  readonly retryAfterMs: number

  constructor(message: string, retryAfterMs = 0, cause?: unknown) {
    super(message, { cause })
    this.retryAfterMs = retryAfterMs
  }
}

/**
 * Tries until it works, with waits that double up to a second, or as long as the server asks.
 * @param patienceMs after that long the last failure is thrown
 */
export async function withRetries<Result>(
  attempt: () => Promise<Result>,
  patienceMs: number,
  onRetry: (error: RetryableError) => void = () => {},
): Promise<Result> {
  const deadline = Date.now() + patienceMs
  for (let waitMs = 50; ; waitMs = Math.min(waitMs * 2, 1_000)) {
    try {
      return await attempt()
    } catch (error) {
      if (!(error instanceof RetryableError) || Date.now() >= deadline) throw error
      onRetry(error)
      await wait(Math.max(waitMs, Math.min(error.retryAfterMs, 2_000)))
    }
  }
}
