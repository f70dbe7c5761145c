import { setTimeout as sleep } from 'node:timers/promises'
import kafka, {
  type LibrdKafkaError,
  type MessageHeader,
  type NumberNullUndefined,
} from '@confluentinc/kafka-javascript'
import { type HungCalls, hungCalls } from './hung-calls.ts'
import type { KafkaConfig } from './kafka-client.ts'
import { type KafkaConsumer, requireMember, type TopicPartitionOffsetAndMetadata } from './kafka-consumer.ts'
import { createNativeCalls, type NativeCalls, type TransactionError } from './kafka-native-calls.ts'
import type { OutgoingRecord } from './kafka-producer.ts'
import { createTransactionalClient } from './kafka-transactional-client.ts'
import type { Logger } from './log.ts'

export { maxTransactionalMessageBytes } from './kafka-transactional-client.ts'

/**
 * A producer that holds one transactional id: whoever connects with the same id later fences it, and all its further
 * calls reject. After any rejection the only way on is `stop` and a new producer, whose connect settles what is open: a
 * call that has not come back by its deadline is aborted, or was committed before, and the new producer's user sees it.
 */
export interface TransactionalProducer {
  /**
   * Writes the messages, and commits the consumers' offsets, in one transaction; resolves with the messages' offsets
   * (none when the producer has `reports` off) once it is committed. Rejects when a consumer is no longer a member of its group's present generation, and when
   * the client refuses a message (too large, no such topic): no offset is sent then.
   */
  writeAll(
    messages: readonly OutgoingRecord[],
    positions?: readonly ConsumerPosition[],
  ): Promise<readonly number[]>
  /**
   * Commits offsets alone; unless the caller forbids it also those of a member that its group has gone on without, where
   * the transactional id is the fence.
   * After a rejection the producer may be used again, unless it is a `LostProducerError`.
   * A time-out leaves open what became of the transaction: it asks again until that is known.
   * @param onRetry told each time that it has to
   */
  commitOffsets(position: GuardedPosition, onRetry?: (error: unknown) => void): Promise<void>
  /**
   * Asks for nothing again; resolves once the commit or write under way has an answer or has timed out: a client that is
   * closed inside a call ends the process. One that hangs in a call is not waited for; it is closed if ever it returns.
   */
  stop(): Promise<void>
}

/** The producer cannot be used any more. */
export class LostProducerError extends Error {
  /** Somebody else has connected with the transactional id. */
  readonly fenced: boolean

  constructor(cause: LibrdKafkaError) {
    super(isFenced(cause) ? 'fenced by a newer holder of the transactional id' : 'the producer is broken', {
      cause,
    })
    this.fenced = isFenced(cause)
  }
}

function isFenced({ code }: LibrdKafkaError): boolean {
  const { ERR__FENCED, ERR_INVALID_PRODUCER_EPOCH, ERR_PRODUCER_FENCED } = kafka.CODES.ERRORS
  return code === ERR__FENCED || code === ERR_INVALID_PRODUCER_EPOCH || code === ERR_PRODUCER_FENCED
}

/** By then the client has given up by its own time-outs, and Kafka the transaction. */
const deadlineFactor = 3

/** A client that cannot reach Kafka may refuse at once. */
const retryPauseMs = 50

/** Offsets that a consumer's group commits together with a transaction. */
export interface ConsumerPosition extends Position {
  readonly consumer: Pick<KafkaConsumer, 'client' | 'isEvicted'>
}

interface GuardedPosition extends Position {
  /** Asked each time before the offsets are sent; what it throws ends the transaction. */
  readonly requireHeld?: () => void
}

interface Position {
  readonly consumer: Pick<KafkaConsumer, 'client'>
  readonly offsets: readonly TopicPartitionOffsetAndMetadata[]
}

export interface TransactionalProducerOptions {
  readonly clientId: string
  /** Without the deployment's prefix. */
  readonly transactionalId: string
  /** How long connecting, and each write, may take. */
  readonly timeoutMs: number
  /**
   * Whether messages' offsets are wanted; on unless given. They cost as much as all else of a message: without them the
   * client's word for the transaction as a whole has to do, which is refused as soon as one message could not be written.
   */
  readonly reports?: boolean
}

/** What tests put in the place of the client and of the process. */
export interface TransactionalProducerDeps {
  readonly createClient: typeof createTransactionalClient
  readonly hungCalls: HungCalls
}

/** Fences every other holder of the id and settles their open transactions. Rejects when Kafka does not answer. */
export async function connectTransactionalProducer(
  config: KafkaConfig,
  options: TransactionalProducerOptions,
  logger: Logger,
  deps: TransactionalProducerDeps = { createClient: createTransactionalClient, hungCalls },
): Promise<TransactionalProducer> {
  const producer = deps.createClient(config, options, logger)
  const deadlineMs = options.timeoutMs * deadlineFactor
  const calls = createNativeCalls(
    { hungCalls: deps.hungCalls, logger },
    { clientId: options.clientId, deadlineMs },
  )
  const { call } = calls
  const disconnect = (): Promise<void> =>
    new Promise((resolve) => {
      // There is nothing to wait for: what is not committed is to be aborted.
      producer.disconnect(1_000, () => resolve())
    })
  let closed: Promise<void> | undefined
  const stop = (): Promise<void> => {
    const hung = calls.hung()
    if (hung === undefined) closed ??= disconnect()
    else if (closed === undefined) {
      closed = Promise.resolve()
      void hung.catch(() => undefined).then(disconnect)
    }
    return closed
  }
  try {
    await call('connect', (done) => producer.connect({ timeout: options.timeoutMs }, done))
  } catch (error) {
    // A client that cannot connect closes itself.
    calls.hung()?.then(disconnect, () => undefined)
    throw error
  }
  producer.setPollInBackground(true)
  try {
    await call('initTransactions', (done) => producer.initTransactions(options.timeoutMs, done))
  } catch (error) {
    await stop()
    throw error
  }
  const { timeoutMs } = options
  let stopped = false
  let underWay: Promise<unknown> = Promise.resolve()
  /** A time-out leaves open what has become of the call: the client wants it asked again. */
  const untilKnown = async (
    name: string,
    start: Parameters<NativeCalls['call']>[1],
    onRetry?: (error: unknown) => void,
  ): Promise<void> => {
    for (;;) {
      try {
        return await call(name, start)
      } catch (error) {
        if (stopped || !(error as TransactionError).isRetriable) throw error
        onRetry?.(error)
        await sleep(retryPauseMs)
      }
    }
  }
  const commitOffsets: TransactionalProducer['commitOffsets'] = async (position, onRetry) => {
    const { consumer, offsets, requireHeld } = position
    try {
      await call('beginTransaction', (done) => producer.beginTransaction(done))
      await untilKnown(
        'sendOffsetsToTransaction',
        (done) => {
          requireHeld?.()
          producer.sendOffsetsToTransaction([...offsets], consumer.client, timeoutMs, done)
        },
        onRetry,
      )
      await untilKnown('commitTransaction', (done) => producer.commitTransaction(timeoutMs, done), onRetry)
    } catch (error) {
      const failure = error as TransactionError
      if (isFenced(failure) || failure.isFatal) throw new LostProducerError(failure)
      try {
        await untilKnown('abortTransaction', (done) => producer.abortTransaction(timeoutMs, done), onRetry)
      } catch (cause) {
        throw new LostProducerError(cause as LibrdKafkaError)
      }
      throw error
    }
  }
  const writeAll: TransactionalProducer['writeAll'] = async (messages, positions = []) => {
    await call('beginTransaction', (done) => producer.beginTransaction(done))
    const reports = options.reports === false ? [] : messages.map(() => Promise.withResolvers<number>())
    const allWritten = Promise.all(reports.map(({ promise }) => promise))
    // A refused message or offset rejects for all; the messages' own failures must not end the process then.
    allWritten.catch(() => undefined)
    try {
      for (const [index, { topic, partition, key, value, headers }] of messages.entries()) {
        producer.produce(
          topic,
          partition ?? (null as NumberNullUndefined),
          value,
          key,
          null,
          reports[index],
          headers as MessageHeader[] | undefined,
        )
      }
    } catch (error) {
      // Nothing is waiting any more; where the abort fails too, the next holder's connect makes up for it.
      await call('abortTransaction', (done) => producer.abortTransaction(options.timeoutMs, done)).catch(
        () => undefined,
      )
      throw error
    }
    for (const { consumer, offsets: next } of positions) {
      requireMember(consumer)
      await call('sendOffsetsToTransaction', (done) =>
        producer.sendOffsetsToTransaction([...next], consumer.client, options.timeoutMs, done),
      )
    }
    // It fails when a message could not be written; so a report that is missing then is not waited for.
    await call('commitTransaction', (done) => producer.commitTransaction(options.timeoutMs, done))
    return await allWritten
  }
  return {
    async stop() {
      // First: what is under way asks no more then, and ends also while Kafka is down.
      stopped = true
      await underWay
      await stop()
    },
    commitOffsets(position, onRetry) {
      const committed = commitOffsets(position, onRetry)
      underWay = committed.catch(() => undefined)
      return committed
    },
    writeAll(messages, positions) {
      const written = writeAll(messages, positions)
      underWay = written.catch(() => undefined)
      return written
    },
  }
}
