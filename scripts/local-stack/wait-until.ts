import { setTimeout as sleep } from 'node:timers/promises'

export type WaitOptions = { timeoutMs: number; what: string; everyMs?: number; signal?: AbortSignal }

/** Asks again and again until the answer is yes; throws when the time is up. */
export async function waitUntil(
  isTrue: () => boolean | Promise<boolean>,
  options: WaitOptions,
): Promise<void> {
  const deadline = Date.now() + options.timeoutMs
  while (!(await isTrue())) {
    if (Date.now() > deadline) throw new Error(`${options.what}: not within ${options.timeoutMs / 1000} s`)
    await sleep(options.everyMs ?? 50, undefined, options.signal ? { signal: options.signal } : {})
  }
}
