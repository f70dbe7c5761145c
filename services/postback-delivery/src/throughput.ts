/** How many requests a receiver answers, looked at while there is always another one for it. */
export interface Throughput {
  /** There was nothing for it before. */
  busy(nowMs: number): void
  ended(nowMs: number, durationMs: number): void
  /** @param concurrency requests that may be under way */
  perSecond(nowMs: number, concurrency: number): number
}

const bucketMs = 250
const windowMs = 2_000
/** Before that much is known it is taken for a fast one: what takes long then may be this process, busy with reading. */
const shortestMs = 1_000
const guessedMs = 20

export function createThroughput(): Throughput {
  const buckets: { readonly atMs: number; ended: number; durationMs: number }[] = []
  let busySinceMs = 0
  const prune = (nowMs: number): void => {
    while (buckets[0] !== undefined && buckets[0].atMs <= nowMs - windowMs) buckets.shift()
  }
  return {
    busy(nowMs) {
      busySinceMs = nowMs
      buckets.length = 0
    },
    ended(nowMs, durationMs) {
      const last = buckets.at(-1)
      if (last !== undefined && nowMs - last.atMs < bucketMs) {
        last.ended += 1
        last.durationMs += durationMs
      } else {
        prune(nowMs)
        buckets.push({ atMs: nowMs, ended: 1, durationMs })
      }
    },
    perSecond(nowMs, concurrency) {
      prune(nowMs)
      let ended = 0
      let durationMs = 0
      for (const bucket of buckets) {
        ended += bucket.ended
        durationMs += bucket.durationMs
      }
      const seenMs = Math.min(windowMs, nowMs - busySinceMs)
      if (seenMs >= shortestMs) return (ended * 1_000) / seenMs
      const averageMs = ended === 0 ? guessedMs : Math.min(guessedMs, Math.max(1, durationMs / ended))
      return (concurrency * 1_000) / averageMs
    },
  }
}
