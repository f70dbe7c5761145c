import type { Message } from '@millrace/service-kit/kafka-consumer'
import type { LanderDeps } from './batch-lander.ts'
import type { BatchLimitsConfig } from './batch-limits.ts'
import type { FillDeps } from './fill-batch.ts'
import type { FlushSlots } from './flush-slots.ts'
import type { LiveView } from './live-view.ts'
import type { PendingRange } from './pending-range.ts'
import type { SeenIdsReader } from './seen-ids-reader.ts'

export interface LaneDeps extends LanderDeps, FillDeps {
  /** Resolves once the catalog was read that far, or to its end. */
  readonly readCatalogThrough: (offset: number) => Promise<void>
  readonly readSeenIds: SeenIdsReader['read']
  /** The rules by the catalog as it was when `offset` was its next one. */
  readonly rulesAsOf: (offset: number) => Promise<FillDeps['rulesOf']>
  /** Has the partition read again from an offset on. */
  readonly seek: (partition: number, offset: number) => Promise<void>
  /** A full lane has room for messages again. */
  readonly onRoom: (partition: number) => void
  /** Open lanes of the process. */
  readonly lanes: () => number
  readonly slots: FlushSlots
  /** Resolves when this lane may work; lanes take turns. */
  readonly nextTurn: () => Promise<void>
  readonly live: LiveView
}

export interface LaneConfig extends BatchLimitsConfig {
  /** With the deployment's prefix. */
  readonly topic: string
}

/** Where a partition is taken up. */
export interface LaneStart {
  readonly partition: number
  /** Next offset to process. */
  readonly offset: number
  /** A range that a former owner may or may not have inserted; starts at `offset`. */
  readonly pending: PendingRange | undefined
}

export interface LaneProgress {
  /** Next offset to be processed. */
  readonly nextOffset: number
  /** Nothing that a former owner may still insert is left; until then nothing is told of the partition. */
  readonly takenUp: boolean
  /** Something was read that is not landed, or the lane is not ready yet. */
  readonly unlanded: boolean
  readonly oldestUnlandedUs: number | undefined
  readonly newestLandedUs: number | undefined
}

/** One assigned partition of millrace.events, from its messages to landed rows. */
export interface PartitionLane {
  readonly partition: number
  /** Takes a message in; it is worked on in the background. */
  offer(message: Message): void
  /** Too much is waiting: no further messages until `onRoom`. */
  isFull(): boolean
  /** Lands all that was taken into a batch, then closes. */
  drain(graceMs: number): Promise<void>
  /** Lets an insert under way end for `graceMs`, then forgets everything that was not committed. */
  close(graceMs: number): Promise<void>
  /**
   * Resolves with the next offset to be judged, once everything before it has landed and Kafka has confirmed since the
   * call that the partition is this lane's. Rejects when the lane is closed.
   */
  prove(): Promise<number>
  progress(): LaneProgress
  /** Last offset of the events that the live view has as landed ones. */
  landedThrough(): number
  seenIds(): { readonly ids: number; readonly bytes: number }
}
