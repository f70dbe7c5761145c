/** How a receiver's last requests have ended. */
export interface BreakerWindow {
  add(failed: boolean, nowMs: number): void
  /** Whether it keeps failing: most of many requests, and not just a moment's. */
  isFailing(nowMs: number): boolean
  reset(): void
  /** When the last request ended. */
  lastMs(): number
}

export interface BreakerLimits {
  readonly windowMs: number
  /** Fewer say nothing. */
  readonly minRequests: number
  /** Part of them, from 0 to 1. */
  readonly failingRatio: number
}

const buckets = 10
/** The window's oldest outcome is at least so much of it old: a burst of failures opens nothing. */
const leastSpan = 1 / 3

/** The last `windowMs`, in tenths of it. */
export function createBreakerWindow({ windowMs, minRequests, failingRatio }: BreakerLimits): BreakerWindow {
  const bucketMs = windowMs / buckets
  let kept: { readonly number: number; readonly sinceMs: number; all: number; failed: number }[] = []
  let lastMs = 0
  const prune = (nowMs: number): void => {
    const oldest = Math.floor(nowMs / bucketMs) - buckets
    if (kept[0] !== undefined && kept[0].number <= oldest) kept = kept.filter(({ number }) => number > oldest)
  }
  return {
    add(failed, nowMs) {
      prune(nowMs)
      lastMs = nowMs
      const number = Math.floor(nowMs / bucketMs)
      let last = kept.at(-1)
      if (last?.number !== number) {
        last = { number, sinceMs: nowMs, all: 0, failed: 0 }
        kept.push(last)
      }
      last.all += 1
      if (failed) last.failed += 1
    },
    isFailing(nowMs) {
      prune(nowMs)
      const [oldest] = kept
      if (oldest === undefined || nowMs - oldest.sinceMs < windowMs * leastSpan) return false
      let all = 0
      let failed = 0
      for (const bucket of kept) {
        all += bucket.all
        failed += bucket.failed
      }
      return all >= minRequests && failed >= all * failingRatio
    },
    reset() {
      kept = []
    },
    lastMs: () => lastMs,
  }
}
