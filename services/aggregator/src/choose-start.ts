import type { LaneStart } from './partition-lane.ts'
import { parsePending } from './pending-range.ts'

export interface ChosenStart {
  readonly start: LaneStart
  /** Where Kafka is asked to begin. */
  readonly position: number
  /** What is wrong with the committed offset; the records it stands for may be lost or come twice. */
  readonly fault?: string
}

interface Committed {
  readonly partition: number
  /** Absent where nothing was ever committed. */
  readonly offset?: number
  readonly metadata?: string | null
}

/**
 * Decides where a partition is taken up. Records that are read again are known by their ids.
 * @param low first offset that Kafka has
 * @param high next to be written
 */
export function chooseStart(
  { partition, offset, metadata }: Committed,
  low: number,
  high: number,
): ChosenStart {
  if (offset === undefined || offset < 0) return startOver(partition, low)
  if (offset > high) {
    return { ...startOver(partition, low), fault: 'the committed offset is behind the end of the partition' }
  }
  if (offset < low) {
    return {
      ...startOver(partition, low),
      fault: 'records that were not landed are gone from Kafka: retention passed them',
    }
  }
  const pending = parsePending(metadata)
  if (pending !== undefined && (pending.from !== offset || pending.to >= high)) {
    return {
      start: { partition, offset, pending: undefined },
      position: offset,
      fault: 'the pending range is not in Kafka any more',
    }
  }
  return { start: { partition, offset, pending }, position: offset }
}

function startOver(partition: number, low: number): ChosenStart {
  return { start: { partition, offset: low, pending: undefined }, position: low }
}
