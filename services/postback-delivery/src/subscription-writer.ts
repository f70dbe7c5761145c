import { setTimeout as delay } from 'node:timers/promises'
import {
  type KafkaConsumer,
  requireMember,
  type TopicPartitionOffsetAndMetadata,
} from '@millrace/service-kit/kafka-consumer'
import type { OutgoingMessage } from '@millrace/service-kit/kafka-producer'
import type { TransactionalProducer } from '@millrace/service-kit/kafka-transactional-producer'
import type { Logger } from '@millrace/service-kit/log'
import { readCommitted } from './commit-positions.ts'
import type { SubscriptionMetrics } from './subscription-metrics.ts'

/** Writes deliveries and how far their events are done, in one transaction. */
export interface SubscriptionWriter {
  /**
   * Tries until it is known to be written down, and whether it was this try or a former one.
   * @param isOwner whether all the partitions are still this instance's
   * @returns false when it is not, and never will be by this instance
   */
  write(
    messages: readonly OutgoingMessage[],
    positions: readonly TopicPartitionOffsetAndMetadata[],
    isOwner: () => boolean,
  ): Promise<boolean>
  /** Tries no further, so that a write that fails holds up no stop; one that is under way may still take place. */
  giveUp(): void
  /** To be called when no write is under way: one that is would be cut off. */
  stop(): Promise<void>
}

export interface SubscriptionWriterDeps {
  /** Resolves once every earlier transaction of this instance is committed or aborted. */
  readonly connect: () => Promise<TransactionalProducer>
  readonly consumer: () => KafkaConsumer
  /** Hears of rebalances: a member that was thrown out of the group can write nothing any more. */
  readonly listen: () => Promise<void>
  /** Why nothing can be written now, or undefined as soon as it can. */
  readonly onState: (missing: string | undefined) => void
  readonly metrics: Pick<SubscriptionMetrics, 'transactions'>
  readonly logger: Logger
}

const retryMs = 250

/**
 * Of a member that was thrown out of its group Kafka refuses the positions, and with them the deliveries; but not once it
 * has joined again, nor when its client sends neither member nor generation any more, as old clients never did. So the
 * last thing before a write is to look whose the partitions are.
 *
 * A crash before the commit leaves nothing, and the events are read again; one after it leaves nothing to be done. After
 * an error neither is certain: a new producer with the same transactional id settles what is open, and the committed
 * positions, which only ever grow, tell whether this transaction took place.
 */
export function createSubscriptionWriter(deps: SubscriptionWriterDeps): SubscriptionWriter {
  let producer: TransactionalProducer | undefined
  let stopped = false
  const write: SubscriptionWriter['write'] = async (messages, positions, isOwner) => {
    let inDoubt = false
    while (!stopped && isOwner()) {
      try {
        producer ??= await deps.connect()
        const isDone = inDoubt && (await areCommitted(deps.consumer(), positions))
        if (!isDone) {
          if (stopped || !isOwner()) break
          requireMember(deps.consumer())
          inDoubt = true
          await producer.writeAll(messages, [{ consumer: deps.consumer(), offsets: positions }])
        }
        deps.metrics.transactions.inc({ result: 'committed' })
        deps.onState(undefined)
        return true
      } catch (error) {
        deps.metrics.transactions.inc({ result: 'failed' })
        deps.logger.warn({ err: error, deliveries: messages.length }, 'subscriptions could not be written')
        deps.onState(`subscriptions cannot be written: ${(error as Error).message}`)
        await producer?.stop()
        producer = undefined
        if (stopped) break
        await deps.listen()
        await delay(retryMs)
      }
    }
    // What could not be written is somebody else's to write now, and there may never be anything else for this instance.
    if (!isOwner()) deps.onState(undefined)
    return false
  }
  return {
    write,
    giveUp() {
      stopped = true
    },
    async stop() {
      stopped = true
      await producer?.stop()
    },
  }
}

/** Any one of them tells: it is all or nothing. */
async function areCommitted(
  consumer: KafkaConsumer,
  [position]: readonly TopicPartitionOffsetAndMetadata[],
): Promise<boolean> {
  if (position === undefined) return true
  const { topic, partition, offset, metadata } = position
  const [found] = await readCommitted(consumer, [{ topic, partition }])
  return found?.offset === offset && (found.metadata ?? '') === metadata
}
