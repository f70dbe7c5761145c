/** Lets requests go at a steady rate. */
export interface Pace {
  /** Milliseconds until the next may go; 0 when it may now. */
  waitMs(nowMs: number): number
  /** One goes. */
  take(nowMs: number): void
  change(perSecond: number): void
  /** From then on it is as if nothing had gone before. */
  forgetsAtMs(): number
}

/** What may go at once after a pause: as much as in a twentieth of a second, at least one. */
const burstMs = 50

/** A token bucket that is nearly flat: in no second does more than 1.05 times the rate, and one, go. */
export function createPace(perSecond: number): Pace {
  let intervalMs = 1_000 / perSecond
  // When the next one is due if all had come evenly: a bucket's level, told as a time.
  let dueMs = 0
  return {
    waitMs: (nowMs) => Math.max(0, dueMs - Math.max(0, burstMs - intervalMs) - nowMs),
    take(nowMs) {
      dueMs = Math.max(dueMs, nowMs) + intervalMs
    },
    change(rate) {
      intervalMs = 1_000 / rate
    },
    forgetsAtMs: () => dueMs,
  }
}
