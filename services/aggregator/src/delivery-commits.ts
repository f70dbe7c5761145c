import {
  type KafkaConsumer,
  type Message,
  requireMember,
  type TopicPartitionOffsetAndMetadata,
} from '@millrace/service-kit/kafka-consumer'
import {
  LostProducerError,
  type TransactionalProducer,
} from '@millrace/service-kit/kafka-transactional-producer'
import type { Logger } from '@millrace/service-kit/log'

export interface DeliveryCommits {
  /**
   * Resolves once Kafka has written the offsets down; rejects when it has not, or when the client does not know.
   * @param read asked when its turn has come: a commit before it may have cost partitions
   */
  commit(read: () => readonly TopicPartitionOffsetAndMetadata[]): Promise<void>
  /** Commits nothing any more, and tries for nothing again; resolves once what is under way has an answer. */
  stop(): Promise<void>
}

interface Deps {
  readonly connect: () => Promise<TransactionalProducer>
  readonly consumer: Pick<KafkaConsumer, 'client' | 'consume' | 'isEvicted'>
  /** Takes what is read meanwhile. */
  readonly put: (message: Message) => void
  readonly logger: Pick<Logger, 'warn'>
}

/**
 * Each commit is a transaction, one after the other: the consumer's own commit is answered before Kafka has heard of it,
 * and a range has to be written down before it is inserted. Of a member that was thrown out of its group Kafka refuses it,
 * and the member hears of that only while it reads: so it reads after each refusal, or it would try for ever. Then the
 * partitions are not its own, and what it holds of them is left to their next owner.
 */
export function createDeliveryCommits({ connect, consumer, put, logger }: Deps): DeliveryCommits {
  let producer: TransactionalProducer | undefined
  let stopped = false
  let turn: Promise<unknown> = Promise.resolve()
  const requireRunning = (): void => {
    if (stopped) throw new Error('nothing is committed any more')
  }
  const listen = async (): Promise<void> => {
    try {
      for (const message of await consumer.consume(1, 0)) put(message)
    } catch (error) {
      logger.warn({ err: error }, 'deliveries cannot be read')
    }
  }
  const commitOnce = async (read: () => readonly TopicPartitionOffsetAndMetadata[]): Promise<void> => {
    requireRunning()
    try {
      producer ??= await connect()
      requireRunning()
      const offsets = read()
      if (offsets.length === 0) return
      await producer.commitOffsets({ consumer, offsets, requireHeld: () => requireMember(consumer) })
    } catch (error) {
      if (error instanceof LostProducerError) {
        const lost = producer
        producer = undefined
        await lost?.stop()
      }
      await listen()
      throw error
    }
  }
  return {
    commit(read) {
      const result = turn.then(() => commitOnce(read))
      turn = result.catch(() => undefined)
      return result
    },
    async stop() {
      stopped = true
      await producer?.stop()
      await turn
      // Connected meanwhile.
      await producer?.stop()
    },
  }
}
