/** Lets loops sleep until there is something to do. */
export interface Signal {
  /** Wakes all who wait; with nobody waiting, the next `wait` returns at once. */
  notify(): void
  /** Returns when notified, or after that time if one is given. */
  wait(timeoutMs?: number): Promise<void>
}

export function createSignal(): Signal {
  let notified = false
  const wakers = new Set<() => void>()
  return {
    notify() {
      notified = wakers.size === 0
      for (const wake of wakers) wake()
      wakers.clear()
    },
    wait(timeoutMs) {
      if (notified) {
        notified = false
        return Promise.resolve()
      }
      return new Promise((resolve) => {
        const timer = timeoutMs === undefined ? undefined : setTimeout(wake, timeoutMs)
        function wake(): void {
          clearTimeout(timer)
          wakers.delete(wake)
          resolve()
        }
        wakers.add(wake)
      })
    },
  }
}

/** Waits until it holds, looking at each notification; false when the time is up. */
export async function waitUntil(signal: Signal, holds: () => boolean, timeoutMs: number): Promise<boolean> {
  const deadline = performance.now() + timeoutMs
  while (!holds()) {
    const remainingMs = deadline - performance.now()
    if (remainingMs <= 0) return false
    await signal.wait(remainingMs)
  }
  return true
}
