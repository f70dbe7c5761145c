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
  /** Milliseconds until it has to be landed; `waiting`: further messages have been read already. */
  dueIn(batch: Batch, waiting: boolean, nowMs: number): number
}

const batchesPerLane = 2.5
const smallestBytes = 1024 * 1024
/** Events that are later than that have come in while nobody landed them: what counts is how fast all of them land. */
const backlogMs = 3_000
/** With a backlog a batch may wait for half of the time that its events are late already, but not longer. */
const longestWaitMs = 10_000

/**
 * ClickHouse pays for each part again and again as it merges them: five inserts of 20,000 rows cost it nearly twice as
 * much as one of 100,000. So batches are as large as memory allows as long as there is a backlog, and small only where
 * that makes events visible sooner.
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
    dueIn(batch, waiting, nowMs) {
      // The clock was put back: nobody knows how old the batch is.
      if (nowMs < batch.openedAt) return 0
      // Repeats only: nothing in it is late.
      const oldestMs = (batch.oldestReceivedAtUs ?? nowMs * 1_000) / 1_000
      const lateMs = waiting ? nowMs - oldestMs : 0
      const backlogWaitMs = lateMs < backlogMs ? 0 : Math.min(lateMs / 2, longestWaitMs)
      const ageMs = Math.max(config.batchMaxAgeMs, backlogWaitMs)
      return Math.max(0, batch.openedAt + ageMs - nowMs)
    },
  }
}
