import kafka, { type DeliveryReport, type LibrdKafkaError } from '@confluentinc/kafka-javascript'
import { commonClientConfig, type KafkaConfig, logClientErrors } from './kafka-client.ts'
import type { TransactionalProducerOptions } from './kafka-transactional-producer.ts'
import type { Logger } from './log.ts'

/** What a transactional producer needs of the client; a message's opaque value is told of its delivery. */
export type TransactionalClient = Pick<
  kafka.Producer,
  | 'connect'
  | 'disconnect'
  | 'setPollInBackground'
  | 'initTransactions'
  | 'beginTransaction'
  | 'sendOffsetsToTransaction'
  | 'commitTransaction'
  | 'abortTransaction'
  | 'produce'
>

/** Of one message: its value, its key and some bytes of framing. */
export const maxTransactionalMessageBytes = 1_040_000

export function createTransactionalClient(
  config: KafkaConfig,
  options: TransactionalProducerOptions,
  logger: Logger,
): TransactionalClient {
  const client = new kafka.Producer(
    {
      ...commonClientConfig(config, options.clientId),
      'transactional.id': config.kafkaTopicPrefix + options.transactionalId,
      'transaction.timeout.ms': options.timeoutMs,
      'linger.ms': 0,
      // What a plain producer could just send may have grown by a few bytes when it is sent on.
      'message.max.bytes': maxTransactionalMessageBytes,
      // A transaction that follows close upon another has to ask again; the default waits 100 ms before it does.
      'retry.backoff.ms': 10,
      dr_cb: options.reports ?? true,
    },
    {},
  )
  logClientErrors(client, logger, options.clientId)
  client.on('delivery-report', (error: LibrdKafkaError, report: DeliveryReport) => {
    const { resolve, reject } = report.opaque as PromiseWithResolvers<number>
    if (error) reject(error)
    else resolve(report.offset)
  })
  return client
}
