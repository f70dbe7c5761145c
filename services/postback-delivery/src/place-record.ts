import type { Delivery } from '@millrace/proto'
import { postbacksTopic } from '@millrace/proto/topics'
import type { OutgoingMessage } from '@millrace/service-kit/kafka-producer'
import type { DeliveryRecord } from './assigned-partition.ts'
import type { AttemptQueue } from './attempt-queue.ts'
import { homeMessage } from './describe-attempt.ts'
import type { InstanceShare } from './instance-share.ts'
import type { QueuePlace } from './receiver-queue.ts'
import type { SendTarget, Target } from './resolve-target.ts'

/** Where a delivery that is due goes: into its receiver's queue, if this instance is the one to send it. */
export interface RecordPlacer {
  place(record: DeliveryRecord): void
  /** Whether it would be sent soon if it were placed now. */
  hasRoom(record: DeliveryRecord): boolean
}

export interface RecordPlacerDeps {
  readonly queue: Pick<AttemptQueue, 'add' | 'hasRoomFor'>
  readonly resolve: (delivery: Delivery) => Target
  /** Decides without a request. */
  readonly conclude: (record: DeliveryRecord) => void
  readonly passOn: (record: DeliveryRecord, message: OutgoingMessage) => void
  readonly instances: () => Pick<InstanceShare, 'share' | 'count'> | undefined
  /** Partitions of millrace.postbacks. */
  readonly homes: () => number
}

export function createRecordPlacer(
  deps: RecordPlacerDeps,
  { kafkaTopicPrefix }: { kafkaTopicPrefix: string },
): RecordPlacer {
  const topic = kafkaTopicPrefix + postbacksTopic.name
  const isAtHome = ({ partition }: DeliveryRecord, home: number): boolean =>
    partition.topic === topic && partition.partition === home
  return {
    place(record) {
      const { delivery } = record
      const target = deps.resolve(delivery)
      if (target.kind !== 'send') return deps.conclude(record)
      const instances = deps.instances()
      if (delivery.endpoint === '' || instances === undefined) return deps.queue.add(record, target)
      if (target.concurrency >= instances.count())
        return deps.queue.add(record, shareOf(target, instances.share()))
      // Its requests could not be shared out between the instances: one of them makes all of them.
      const home = homePartition(target.queueKey, deps.homes())
      if (isAtHome(record, home)) deps.queue.add(record, target)
      else deps.passOn(record, homeMessage(delivery, home, kafkaTopicPrefix))
    },
    hasRoom({ delivery }) {
      const target = deps.resolve(delivery)
      return target.kind !== 'send' || deps.queue.hasRoomFor(target.queueKey)
    },
  }
}

function shareOf(target: SendTarget, share: number): QueuePlace {
  const { queueKey, timeoutMs, concurrency, ratePerSecond } = target
  return {
    queueKey,
    timeoutMs,
    concurrency: Math.max(1, Math.floor(concurrency * share)),
    ...(ratePerSecond !== undefined && { ratePerSecond: ratePerSecond * share }),
  }
}

/** Any even spread does: FNV-1a. */
export function homePartition(queueKey: string, partitions: number): number {
  let hash = 0x811c9dc5
  for (let index = 0; index < queueKey.length; index += 1) {
    hash = Math.imul(hash ^ queueKey.charCodeAt(index), 0x01000193) >>> 0
  }
  return hash % Math.max(1, partitions)
}
