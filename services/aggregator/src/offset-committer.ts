import type { TopicPartitionOffsetAndMetadata } from '@millrace/service-kit/kafka-consumer'
import { retryUntilDone } from './retry.ts'

export interface OffsetCommitter {
  /**
   * Resolves once Kafka has written the offset down. Commits that come while one is under way go out together.
   * Tries again until then; rejects only when `signal` aborts.
   */
  commit(offset: TopicPartitionOffsetAndMetadata, signal: AbortSignal): Promise<void>
}

interface Waiting {
  readonly offset: TopicPartitionOffsetAndMetadata
  readonly signal: AbortSignal
  readonly resolve: () => void
  readonly reject: (error: unknown) => void
}

export function createOffsetCommitter(
  commitNow: (offsets: readonly TopicPartitionOffsetAndMetadata[]) => Promise<void>,
  onFailure: (error: unknown, attempt: number) => void,
): OffsetCommitter {
  let waiting: Waiting[] = []
  let busy = false
  const run = async (): Promise<void> => {
    busy = true
    while (waiting.length > 0) {
      // What was given up must not go out: the partition may have another owner by now.
      const group = waiting.filter(({ signal }) => !signal.aborted)
      for (const { signal, reject } of waiting) if (signal.aborted) reject(signal.reason)
      waiting = []
      if (group.length === 0) continue
      try {
        await commitNow(group.map(({ offset }) => offset))
        for (const { resolve } of group) resolve()
      } catch (error) {
        for (const { reject } of group) reject(error)
      }
    }
    busy = false
  }
  const commitOnce = (offset: TopicPartitionOffsetAndMetadata, signal: AbortSignal): Promise<void> =>
    new Promise((resolve, reject) => {
      waiting.push({ offset, signal, resolve, reject })
      if (!busy) void run()
    })
  return {
    commit: (offset, signal) => retryUntilDone(() => commitOnce(offset, signal), { signal, onFailure }),
  }
}
