import { setTimeout as sleep } from 'node:timers/promises'
import { endOfTimeUs } from '@millrace/catalog/event-validity'
import { longestAttemptMs } from './retry.ts'

/** Minutes of one meter, or of all meters of a tenant, that a write changes. */
export interface TouchedRange {
  readonly tenant: string
  /** Empty for every meter. */
  readonly meter: string
  /** 0 for every version. */
  readonly version: number
  /** Minutes since 1970 of the events' own times, half-open. */
  readonly fromMinute: number
  readonly toMinute: number
}

export interface Touch {
  readonly number: number
  readonly ranges: readonly TouchedRange[]
}

export type TouchNews =
  | { readonly begun: Touch; readonly over?: never }
  | { readonly begun?: never; readonly over: number }

/**
 * Tells whoever caches reports what is about to change. A write is told before it begins, and as over once what it has
 * changed can be queried. In between a reader may see either state, so nothing that he reads then may be kept.
 */
export interface Touches {
  /** Carries a write out, which the touch stands around. */
  during<Result>(ranges: readonly TouchedRange[], write: () => Promise<Result>): Promise<Result>
  /** Calls the listener with all that happens from now on, in order. @returns what is under way, and how to stop */
  follow(listener: (news: TouchNews) => void): {
    readonly underWay: readonly Touch[]
    readonly stop: () => void
  }
}

/**
 * A write that was given up may still be carried out by ClickHouse, which goes on with a request whose sender has
 * gone: no longer, it is taken, than an attempt that is waited for.
 */
const maybeUnderWayMs = longestAttemptMs

/** @param later resolves after so many milliseconds; nothing has to wait for it */
export function createTouches(
  later: (ms: number) => Promise<unknown> = (ms) => sleep(ms, undefined, { ref: false }),
): Touches {
  const underWay = new Map<number, Touch>()
  const listeners = new Set<(news: TouchNews) => void>()
  let last = 0
  const tell = (news: TouchNews): void => {
    for (const listener of listeners) listener(news)
  }
  const end = (number: number): void => {
    underWay.delete(number)
    tell({ over: number })
  }
  return {
    async during(ranges, write) {
      if (ranges.length === 0) return await write()
      const touch = { number: ++last, ranges }
      underWay.set(touch.number, touch)
      tell({ begun: touch })
      try {
        const result = await write()
        end(touch.number)
        return result
      } catch (error) {
        void later(maybeUnderWayMs).then(() => end(touch.number))
        throw error
      }
    },
    follow(listener) {
      listeners.add(listener)
      return { underWay: [...underWay.values()], stop: () => listeners.delete(listener) }
    },
  }
}

/** All that a tenant's reports may read. */
export function everythingOf(tenant: string): TouchedRange {
  return { tenant, meter: '', version: 0, fromMinute: 0, toMinute: toMinute(endOfTimeUs) + 1 }
}

export function toMinute(timeUs: number): number {
  return Math.floor(timeUs / 60_000_000)
}
