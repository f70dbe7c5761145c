import type { KafkaConsumer } from '@millrace/service-kit/kafka-consumer'

/** Partitions that are not read now. */
export interface PausedPartitions {
  pause(partition: number): void
  resume(partition: number): void
  /** Somebody else's now; Kafka's client forgets with them that they were paused. */
  forget(partition: number): void
}

/** Remembers only what the client has done: what fails is tried again at the next call. */
export function createPausedPartitions(
  consumer: Pick<KafkaConsumer, 'pause' | 'resume'>,
  topic: string,
): PausedPartitions {
  const paused = new Set<number>()
  return {
    pause(partition) {
      if (paused.has(partition)) return
      consumer.pause([{ topic, partition }])
      paused.add(partition)
    },
    resume(partition) {
      if (!paused.has(partition)) return
      consumer.resume([{ topic, partition }])
      paused.delete(partition)
    },
    forget(partition) {
      paused.delete(partition)
    },
  }
}
