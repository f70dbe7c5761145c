import type { Receiver } from './breaker-states.ts'
import { type BreakerLimits, type BreakerWindow, createBreakerWindow } from './breaker-window.ts'

/** What this instance has seen of receivers. */
export interface ReceiverHealth {
  readonly receiver: Receiver
  readonly window: BreakerWindow
  /** Nothing but failures since, milliseconds since 1970; 0 after a success. */
  failingSinceMs: number
  /** The last success; 0 without one. */
  goodMs: number
}

export interface HealthBook {
  of(receiver: Receiver): ReceiverHealth
  known(queueKey: string): ReceiverHealth | undefined
  /**
   * Forgets those that were not asked lately.
   * @param lasts how long it has been failing counts, however seldom it is asked
   */
  sweep(lasts: (receiver: Receiver) => boolean): void
}

/** Remembers those that were asked lately, and those that fail and last. */
export function createHealthBook(config: BreakerLimits, now: () => number): HealthBook {
  const book = new Map<string, ReceiverHealth>()
  return {
    of(receiver) {
      let health = book.get(receiver.queueKey)
      if (health === undefined) {
        health = { receiver, window: createBreakerWindow(config), failingSinceMs: 0, goodMs: 0 }
        book.set(receiver.queueKey, health)
      }
      return health
    },
    known: (queueKey) => book.get(queueKey),
    sweep(lasts) {
      const before = now() - config.windowMs
      for (const [key, { receiver, window, failingSinceMs }] of book)
        if (window.lastMs() < before && (failingSinceMs === 0 || !lasts(receiver))) book.delete(key)
    },
  }
}
