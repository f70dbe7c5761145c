import type { KafkaConsumer } from '@millrace/service-kit/kafka-consumer'
import type { ConsumerPosition } from '@millrace/service-kit/kafka-transactional-producer'
import type { AssignedPartition } from './assigned-partition.ts'
import { encodeProgress } from './progress-metadata.ts'

/** How far a partition has come, as it is committed. */
export interface Position {
  readonly partition: AssignedPartition
  readonly offset: number
  readonly metadata: string
}

const committedTimeoutMs = 5_000

/** @param tag told apart from every other commit's, so that it can be recognised later */
export function readPositions(partitions: readonly AssignedPartition[], tag: string): readonly Position[] {
  return [...new Set(partitions)].flatMap((partition) => {
    const offset = partition.tracker.lowWatermark()
    const progress = partition.tracker.progress()
    if (offset === undefined || progress === undefined) return []
    return [{ partition, offset, metadata: encodeProgress(tag, progress) }]
  })
}

export function toConsumerPositions(positions: readonly Position[]): readonly ConsumerPosition[] {
  const byConsumer = Map.groupBy(positions, ({ partition }) => partition.consumer)
  return [...byConsumer].map(([consumer, own]) => ({
    consumer,
    offsets: own.map(({ partition: { topic, partition }, offset, metadata }) => ({
      topic,
      partition,
      offset,
      metadata,
    })),
  }))
}

/**
 * Whether the transaction with these positions was committed. Any one of them tells, for it is all or nothing; those of
 * partitions that have gone may have been overwritten by their new owner.
 */
export async function isWrittenDown(positions: readonly Position[]): Promise<boolean> {
  const position = positions.find(({ partition }) => partition.state !== 'gone')
  if (position === undefined) return false
  const { topic, partition, consumer } = position.partition
  const found = await readCommitted(consumer, [{ topic, partition }])
  return found[0]?.metadata === position.metadata
}

export function readCommitted(consumer: KafkaConsumer, partitions: { topic: string; partition: number }[]) {
  return consumer.committed(partitions, committedTimeoutMs)
}
