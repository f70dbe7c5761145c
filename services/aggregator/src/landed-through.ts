import { setTimeout as sleep } from 'node:timers/promises'
import type { Logger } from '@millrace/service-kit/log'
import type { Readiness } from '@millrace/service-kit/readiness'
import type { LaneProgress } from './partition-lane.ts'

export interface PartitionThrough {
  readonly partition: number
  /** Every event accepted before it can be queried. Microseconds since 1970-01-01T00:00:00Z. */
  readonly throughUs: number
}

export interface LandedThrough {
  read(): readonly PartitionThrough[]
  /** The clock was set back: what was told by it may lie ahead. Partitions are told of again from the next check on. */
  forget(): void
  stop(): Promise<void>
}

interface FollowedLane {
  readonly partition: number
  progress(): LaneProgress
}

interface Deps {
  readonly lanes: () => readonly FollowedLane[]
  readonly watermarks: (partition: number) => Promise<{ readonly low: number; readonly high: number }>
  readonly readiness: Readiness
  /** Called several times a second. */
  readonly onChecked: () => void
  readonly logger: Logger
  /** Milliseconds since 1970. */
  readonly now: () => number
}

const checkEveryMs = 250

/**
 * How far each partition has landed: every event with an earlier `received_at` can be queried. What is unread was
 * appended after anything that was read, and `received_at` lies at most `longestBeforeAppendMs` before the append: so
 * every time is held back by `progressMarginMs`, which leaves the rest of it for the difference between this clock and
 * the brokers'.
 * A partition with nothing unread is confirmed by asking the broker for its end, four times a second.
 */
export function followLandedThrough(deps: Deps, config: { progressMarginMs: number }): LandedThrough {
  const marginUs = config.progressMarginMs * 1_000
  /** Per partition, while it is assigned; goes back only after `forget`. */
  const through = new Map<number, number>()
  const stopping = new AbortController()

  const raise = (partition: number, timeUs: number): void => {
    through.set(partition, Math.max(through.get(partition) ?? 0, timeUs - marginUs))
  }

  /** @returns whether a broker had to answer */
  const check = async (lane: FollowedLane): Promise<boolean> => {
    const before = lane.progress()
    if (!before.takenUp) return false
    if (before.oldestUnlandedUs !== undefined) {
      raise(lane.partition, before.oldestUnlandedUs)
      return false
    }
    if (before.newestLandedUs !== undefined) raise(lane.partition, before.newestLandedUs)
    if (before.unlanded) return false
    const askedAtUs = deps.now() * 1_000
    const { high } = await deps.watermarks(lane.partition)
    const after = lane.progress()
    if (high <= after.nextOffset && !after.unlanded) raise(lane.partition, askedAtUs)
    return true
  }

  /** Where all lanes wait to land, it may be a broker that they wait for. */
  const checkAll = async (lanes: readonly FollowedLane[]): Promise<void> => {
    let answered = false
    for (const lane of lanes) answered = (await check(lane)) || answered
    const [first] = lanes
    if (!answered && first !== undefined) await deps.watermarks(first.partition)
  }

  const follow = async (): Promise<void> => {
    while (!stopping.signal.aborted) {
      const lanes = deps.lanes()
      const assigned = new Set(lanes.map(({ partition }) => partition))
      for (const partition of through.keys()) if (!assigned.has(partition)) through.delete(partition)
      try {
        await checkAll(lanes)
        deps.readiness.set('kafka', undefined)
      } catch (error) {
        deps.readiness.set('kafka', 'no broker tells the end of a partition')
        deps.logger.debug({ err: error }, 'end of a partition cannot be read')
      }
      deps.onChecked()
      await sleep(checkEveryMs, undefined, { signal: stopping.signal }).catch(() => {})
    }
  }
  const following = follow()

  return {
    read() {
      // Given up since the last check: its next owner may be landing already, and tells of that itself.
      const assigned = new Set(deps.lanes().map(({ partition }) => partition))
      return [...through]
        .filter(([partition]) => assigned.has(partition))
        .map(([partition, throughUs]) => ({ partition, throughUs }))
        .sort((a, b) => a.partition - b.partition)
    },
    forget: () => through.clear(),
    async stop() {
      stopping.abort()
      await following
    },
  }
}
