import type { GetDeliveryStateResponse } from '@millrace/proto'
import type { AssignedPartition } from './assigned-partition.ts'

/** What this instance has in hand. */
export function readDeliveryState(
  flow: { readonly queue: { inFlight(): number }; unsettled(): number },
  partitions: readonly AssignedPartition[],
): GetDeliveryStateResponse {
  const inFlight = flow.queue.inFlight()
  const unfinished = partitions.reduce((sum, { records }) => sum + records, 0)
  return {
    inFlight,
    // Attempts may still be under way for a partition that has gone; they are in no partition's records.
    waiting: Math.max(0, unfinished - inFlight - flow.unsettled()),
    partitions: partitions.flatMap(({ topic, partition, tracker }) => {
      const lowWatermark = tracker.lowWatermark()
      return lowWatermark === undefined ? [] : [{ topic, partition, lowWatermark }]
    }),
  }
}
