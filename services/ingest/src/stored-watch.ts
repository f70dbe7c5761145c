import { setTimeout as delay } from 'node:timers/promises'
import type { MessagePosition } from './append-outcome.ts'

/** Tells when what was written to the log can be queried. */
export interface StoredWatch {
  /** Resolves with true once all of it is stored, with false when `signal` aborts before. Never rejects. */
  until(positions: readonly MessagePosition[], signal: AbortSignal): Promise<boolean>
}

export interface StoredWatchDeps {
  /** The next offset that the aggregators have not stored yet, for each of the partitions. */
  readonly readNext: (partitions: readonly number[]) => Promise<ReadonlyMap<number, number>>
  readonly onError: (error: unknown) => void
  /** Milliseconds between two readings. */
  readonly pollMs: number
}

interface Waiting {
  readonly positions: readonly MessagePosition[]
  readonly settle: (stored: boolean) => void
}

/** Asks only while somebody waits, once for all of them. */
export function createStoredWatch({ readNext, onError, pollMs }: StoredWatchDeps): StoredWatch {
  const waiting = new Set<Waiting>()
  const next = new Map<number, number>()
  let polling = false
  const isStored = ({ positions }: Waiting): boolean =>
    positions.every(({ partition, offset }) => (next.get(partition) ?? 0) > offset)
  const poll = async (): Promise<void> => {
    polling = true
    while (waiting.size > 0) {
      try {
        const partitions = new Set(
          [...waiting].flatMap(({ positions }) => positions.map((one) => one.partition)),
        )
        // Never back: an owner that was just replaced may answer late.
        for (const [partition, offset] of await readNext([...partitions])) {
          next.set(partition, Math.max(offset, next.get(partition) ?? 0))
        }
        for (const one of waiting) if (isStored(one)) one.settle(true)
      } catch (error) {
        onError(error)
      }
      if (waiting.size > 0) await delay(pollMs)
    }
    polling = false
  }
  return {
    until: (positions, signal) =>
      new Promise((resolve) => {
        const onAbort = (): void => one.settle(false)
        const one: Waiting = {
          positions,
          settle(stored) {
            waiting.delete(one)
            signal.removeEventListener('abort', onAbort)
            resolve(stored)
          },
        }
        if (isStored(one) || signal.aborted) {
          resolve(isStored(one))
          return
        }
        signal.addEventListener('abort', onAbort)
        waiting.add(one)
        if (!polling) void poll()
      }),
  }
}
