/** When deliveries that find no room come back: spread over the time in which their receiver is expected to take them. */
export interface PutOffSlots {
  /**
   * @param ahead records that wait in memory
   * @param perSecond what the receiver takes
   * @param before how often it has been put off already
   * @returns milliseconds since 1970
   */
  next(nowMs: number, ahead: number, perSecond: number, before: number): number
  /** One has come back. */
  returned(): void
  /** Until then some are to come back. */
  lastMs(): number
}

const shortestMs = 1_000
/**
 * What lies further off comes back then and is looked at again, the first time soon, later more rarely: a receiver that
 * recovers is left alone for about as long as it was away. Each is the delay of a tier, which takes one hop.
 */
const longestMs = [30_000, 2 * 60_000, 5 * 60_000, 15 * 60_000]
const longestOfAllMs = 30 * 60_000

export function createPutOffSlots(): PutOffSlots {
  // Counted rather than remembered as a time, so that a receiver that gets faster gets its deliveries earlier.
  let away = 0
  let lastMs = 0
  return {
    next(nowMs, ahead, perSecond, before) {
      // After a rebalance they may have come back elsewhere.
      if (nowMs > lastMs) away = 0
      away += 1
      const waitMs = ((ahead + away) * 1_000) / perSecond
      const mostMs = longestMs[before] ?? longestOfAllMs
      const slotMs = nowMs + Math.min(mostMs, Math.max(shortestMs, waitMs))
      lastMs = Math.max(lastMs, slotMs)
      return Math.ceil(slotMs)
    },
    returned() {
      away = Math.max(0, away - 1)
    },
    lastMs: () => lastMs,
  }
}
