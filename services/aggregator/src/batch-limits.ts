import type { Batch } from './batch.ts'

export interface BatchLimitsConfig {
  readonly batchMaxAgeMs: number
  readonly batchMaxRows: number
  readonly batchMaxBytes: number
  /** Of all lanes of the process together. */
  readonly batchTotalBytes: number
}

/** When the open batch of a lane is closed. */
export interface BatchLimits {
  /** Bytes of one batch; a lane holds two of them and half of one unread. */
  maxBytes(): number
  hasRoom(batch: Batch): boolean
  /** Milliseconds until it has to be landed. */
  dueIn(batch: Batch, lane: LaneState, nowMs: number): number
}

interface LaneState {
  /** Further messages have been read already. */
  readonly waiting: boolean
  /** What the batch before took until it could be queried; 0 before the first. */
  readonly lastFlushMs: number
}

const batchesPerLane = 2.5
const smallestBytes = 1024 * 1024
/** Events that are later than that have come in while nobody landed them: what counts is how fast all of them land. */
const backlogMs = 3_000
/** A batch waits for so many times what the last flush took: the more it takes, the fewer there are. */
const flushesWaited = 4
/** But not for longer than so many times its age. */
const longestAges = 2
/** With a backlog a batch may wait for half of the time that its events are late already, but not longer. */
const longestWaitMs = 10_000

/**
 * ClickHouse pays for each part again and again as it merges them: five inserts of 20,000 rows cost it nearly twice as
 * much as one of 100,000. So batches are as large as memory allows as long as there is a backlog, and small only where
 * that makes events visible sooner. What an insert costs beside its rows (20 ms for the statements of the views, forty files)
 * is the same for few: where it takes long, because ClickHouse has much to do, they come less often.
 * @param lanes how many lanes share `batchTotalBytes`
 */
export function createBatchLimits(config: BatchLimitsConfig, lanes: () => number): BatchLimits {
  const maxBytes = (): number => {
    const share = config.batchTotalBytes / (batchesPerLane * Math.max(1, lanes()))
    return Math.min(config.batchMaxBytes, Math.max(smallestBytes, share))
  }
  return {
    maxBytes,
    hasRoom: (batch) => batch.rows + batch.invalidRows < config.batchMaxRows && batch.bytes < maxBytes(),
    dueIn(batch, { waiting, lastFlushMs }, nowMs) {
      // The clock was put back: nobody knows how old the batch is.
      if (nowMs < batch.openedAt) return 0
      // Repeats only: nothing in it is late.
      const oldestMs = (batch.oldestReceivedAtUs ?? nowMs * 1_000) / 1_000
      const lateMs = waiting ? nowMs - oldestMs : 0
      const backlogWaitMs = lateMs < backlogMs ? 0 : Math.min(lateMs / 2, longestWaitMs)
      const loadWaitMs = Math.min(lastFlushMs * flushesWaited, config.batchMaxAgeMs * longestAges)
      const ageMs = Math.max(config.batchMaxAgeMs, loadWaitMs, backlogWaitMs)
      return Math.max(0, batch.openedAt + ageMs - nowMs)
    },
  }
}
