import type { KafkaConsumer, TopicPartitionOffsetAndMetadata } from '@millrace/service-kit/kafka-consumer'
import {
  LostProducerError,
  type TransactionalProducer,
} from '@millrace/service-kit/kafka-transactional-producer'
import type { FlushSlots } from './flush-slots.ts'
import { retryUntilDone } from './retry.ts'

/** Commits of one partition, fenced: once another instance has taken the partition up, none gets through any more. */
export interface LaneCommits {
  /** Resolves once Kafka has written the offset down; rejects only when the signal aborts. */
  commit(offset: TopicPartitionOffsetAndMetadata, signal: AbortSignal): Promise<void>
  stop(): Promise<void>
}

interface Deps {
  /** Holds the partition's transactional id. */
  readonly producer: TransactionalProducer
  readonly consumer: Pick<KafkaConsumer, 'client'>
  /** Bounds transactions under way: each holds one of Node's few threads. */
  readonly slots: Pick<FlushSlots, 'acquire' | 'release'>
  readonly onRetry: (error: unknown, attempt: number) => void
  /** The producer is lost: the lane has to be closed, which aborts the commits' signal. */
  readonly onLost: (error: LostProducerError) => void
}

/**
 * Each commit is a transaction. Kafka checks that a plain commit comes from a member of the group's present generation,
 * but not that the member still owns the partition; a transactional id it fences as soon as somebody else connects
 * with it.
 */
export function createLaneCommits({ producer, consumer, slots, onRetry, onLost }: Deps): LaneCommits {
  const commitOnce = async (offset: TopicPartitionOffsetAndMetadata, signal: AbortSignal): Promise<void> => {
    await slots.acquire(signal)
    let asked = 0
    const committed = producer
      .commitOffsets({ consumer, offsets: [offset] }, (error) => onRetry(error, ++asked))
      .finally(slots.release)
    try {
      // A lane that is given up does not wait for Kafka; what is under way then is settled by the next owner.
      await Promise.race([committed, aborted(signal)])
    } catch (error) {
      if (error instanceof LostProducerError) {
        onLost(error)
        await aborted(signal)
      }
      throw error
    }
    signal.throwIfAborted()
  }
  return {
    commit: (offset, signal) =>
      retryUntilDone(() => commitOnce(offset, signal), { signal, onFailure: onRetry }),
    stop: () => producer.stop(),
  }
}

async function aborted(signal: AbortSignal): Promise<void> {
  if (signal.aborted) return
  await new Promise((resolve) => signal.addEventListener('abort', resolve, { once: true }))
}
