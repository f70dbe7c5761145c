import { setTimeout as delay } from 'node:timers/promises'

const retryMs = 500

/** Tries again until it succeeds, or the signal aborts. */
export async function untilDone(
  operation: () => Promise<void>,
  signal: AbortSignal,
  onFailure: (reason: string) => void,
): Promise<void> {
  while (!signal.aborted) {
    try {
      await operation()
      return
    } catch (error) {
      onFailure(error instanceof Error ? error.message : String(error))
      await delay(retryMs, undefined, { signal }).catch(() => undefined)
    }
  }
}
