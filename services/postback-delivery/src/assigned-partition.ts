import type { Delivery } from '@millrace/proto'
import type { KafkaConsumer } from '@millrace/service-kit/kafka-consumer'
import type { OffsetTracker } from './track-offsets.ts'

/** A partition that this instance reads, as long as it does. */
export interface AssignedPartition {
  /** With the deployment's prefix. */
  readonly topic: string
  readonly partition: number
  /** Of the retry tier; 0 for millrace.postbacks. */
  readonly tierDelayMs: number
  readonly tracker: OffsetTracker
  /** Who reads it, and whose group's offset is committed. */
  readonly consumer: KafkaConsumer
  /**
   * `leaving`: nothing new is started, what is under way may still be finished.
   * `gone`: it is somebody else's, who repeats whatever is not committed.
   */
  state: 'owned' | 'leaving' | 'gone'
  /** Records that were read and are not settled: neither committed nor given up. */
  records: number
  /** Their size. */
  bytes: number
  /** HTTP requests under way. */
  inFlight: number
}

/** A record that was read from Kafka. */
export interface SourceRecord {
  readonly partition: AssignedPartition
  readonly offset: number
  readonly bytes: number
  /** When it was written to its topic, milliseconds since 1970. */
  readonly appendedMs: number
}

/** A delivery on its way through this instance. */
export interface DeliveryRecord extends SourceRecord {
  readonly delivery: Delivery
}
