import type { OutgoingRecord } from '@millrace/service-kit/kafka-producer'
import type {
  ConsumerPosition,
  TransactionalProducer,
} from '@millrace/service-kit/kafka-transactional-producer'

/** Transactions of all replays of this instance, one after the other. */
export interface RedriveWriter {
  /** Resolves once every earlier transaction of this instance is committed or aborted, and another one may begin. */
  ready(): Promise<void>
  /** Rejects when it is not known that the transaction was committed: `ready` settles it. */
  write(messages: readonly OutgoingRecord[], positions: readonly ConsumerPosition[]): Promise<void>
  stop(): Promise<void>
}

/** Another one's transaction has failed, and with it the producer. */
export class EarlierTransactionError extends Error {
  constructor() {
    super('a transaction before it failed')
  }
}

export function createRedriveWriter(connect: () => Promise<TransactionalProducer>): RedriveWriter {
  let producer: TransactionalProducer | undefined
  let turn: Promise<unknown> = Promise.resolve()
  const inTurn = <Result>(task: () => Promise<Result>): Promise<Result> => {
    const result = turn.then(task)
    turn = result.catch(() => undefined)
    return result
  }
  const end = async (): Promise<void> => {
    const ended = producer
    producer = undefined
    await ended?.stop()
  }
  return {
    ready: () =>
      inTurn(async () => {
        producer ??= await connect()
      }),
    write: (messages, positions) =>
      inTurn(async () => {
        if (producer === undefined) throw new EarlierTransactionError()
        try {
          await producer.writeAll(messages, positions)
        } catch (error) {
          await end()
          throw error
        }
      }),
    stop: () => inTurn(end),
  }
}
