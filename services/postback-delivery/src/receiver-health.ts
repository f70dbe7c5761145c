import { type BreakerLimits, type BreakerWindow, createBreakerWindow } from './breaker-window.ts'

/** What this instance has seen of receivers. */
export interface ReceiverHealth {
  readonly window: BreakerWindow
  /** Nothing but failures since, milliseconds since 1970; 0 after a success. */
  failingSinceMs: number
  /** The last success; 0 without one. */
  goodMs: number
}

export interface HealthBook {
  of(queueKey: string): ReceiverHealth
  known(queueKey: string): ReceiverHealth | undefined
  stop(): void
}

const sweepMs = 60_000

/** Remembers those that were asked lately, and those that fail. */
export function createHealthBook(config: BreakerLimits, now: () => number): HealthBook {
  const book = new Map<string, ReceiverHealth>()
  const sweep = setInterval(() => {
    const before = now() - config.windowMs
    for (const [key, { window, failingSinceMs }] of book)
      if (window.lastMs() < before && failingSinceMs === 0) book.delete(key)
  }, sweepMs)
  sweep.unref()
  return {
    of(queueKey) {
      let health = book.get(queueKey)
      if (health === undefined) {
        health = { window: createBreakerWindow(config), failingSinceMs: 0, goodMs: 0 }
        book.set(queueKey, health)
      }
      return health
    },
    known: (queueKey) => book.get(queueKey),
    stop: () => clearInterval(sweep),
  }
}
