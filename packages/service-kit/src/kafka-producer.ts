import kafka, {
  type DeliveryReport,
  type LibrdKafkaError,
  type MessageHeader,
  type Producer,
} from '@confluentinc/kafka-javascript'
import { ServiceError } from './errors.ts'
import { commonClientConfig, type KafkaConfig, logClientErrors } from './kafka-client.ts'
import { joinLiveClients } from './kafka-live-clients.ts'
import type { Logger } from './log.ts'

export interface KafkaProducer {
  /**
   * Resolves with the offset once all in-sync replicas have the message.
   * @param partition undefined lets the key decide
   * @throws {ServiceError} `unavailable` when the queue is full or Kafka did not confirm in time, `too-large` when it
   * never will
   */
  send(message: OutgoingRecord): Promise<number>
  /** Messages and their bytes that are not confirmed yet. */
  unconfirmed(): { messages: number; bytes: number }
  /** Resolves when a broker answers, rejects after `timeoutMs`. */
  ping(timeoutMs: number): Promise<void>
  /** Waits for confirmations, then disconnects. */
  stop(timeoutMs: number): Promise<void>
}

export interface OutgoingMessage {
  readonly topic: string
  readonly partition?: number
  readonly key?: string | Buffer
  readonly value: Buffer
  readonly headers?: readonly MessageHeader[]
}

/** Ends what its key stood for. */
export interface Tombstone extends Omit<OutgoingMessage, 'value'> {
  readonly key: string | Buffer
  readonly value: null
}

export type OutgoingRecord = OutgoingMessage | Tombstone

export interface KafkaProducerOptions {
  readonly clientId: string
  /** How long a message may wait for its confirmation. */
  readonly deliveryTimeoutMs: number
  /** Messages that arrive within it travel together. */
  readonly lingerMs: number
  /** Above it, `send` refuses at once. */
  readonly maxUnconfirmedBytes: number
  /** Told of every failed write and lost cluster; after a `fatal` one nothing can be written any more. */
  readonly onTrouble?: (trouble: { readonly fatal: boolean; readonly reason: string }) => void
}

const { ERR__FATAL, ERR_MSG_SIZE_TOO_LARGE } = kafka.CODES.ERRORS
/** Events carry the client's text but no code. */
const eventTexts = { fatal: 'fatal error', allBrokersDown: 'all broker connections are down' }

interface Waiting {
  readonly bytes: number
  readonly resolve: (offset: number) => void
  readonly reject: (error: ServiceError) => void
}

const unavailable = (cause: unknown): ServiceError =>
  new ServiceError('unavailable', 'Kafka did not confirm the write. Send the same request again.', { cause })

const tooLarge = (cause: unknown): ServiceError =>
  new ServiceError('too-large', 'This is larger than Kafka accepts. Send less at once.', { cause })

/** An idempotent producer with `acks=all`; rejects when no broker answers at first. */
export async function connectKafkaProducer(
  config: KafkaConfig,
  options: KafkaProducerOptions,
  logger: Logger,
): Promise<KafkaProducer> {
  const producer = new kafka.Producer(
    {
      ...commonClientConfig(config, options.clientId),
      'enable.idempotence': true,
      'compression.codec': 'lz4',
      'linger.ms': options.lingerMs,
      'queue.buffering.max.messages': 1_000_000,
      'queue.buffering.max.kbytes': 1_048_576,
      dr_cb: true,
    },
    // Of topics, though the client takes them among its own settings too: there they would be dropped unheard.
    { acks: -1, 'delivery.timeout.ms': options.deliveryTimeoutMs },
  )
  logClientErrors(producer, logger, options.clientId)
  await connect(producer)
  producer.setPollInBackground(true)
  const leave = joinLiveClients(options.clientId, config, producer)
  let messages = 0
  let bytes = 0
  /** @returns what the sender is told */
  const refuse = (error: LibrdKafkaError): ServiceError => {
    // The message's fault, not the cluster's.
    if (error.code === ERR_MSG_SIZE_TOO_LARGE) return tooLarge(error)
    trouble(error)
    return unavailable(error)
  }
  const trouble = (error: LibrdKafkaError): void =>
    options.onTrouble?.({
      fatal: error.code === ERR__FATAL || error.message === eventTexts.fatal,
      reason: error.message,
    })
  producer.on('event.error', (error: LibrdKafkaError) => {
    if (Object.values(eventTexts).includes(error.message)) trouble(error)
  })
  producer.on('delivery-report', (error: LibrdKafkaError, report: DeliveryReport) => {
    const waiting = report.opaque as Waiting
    messages -= 1
    bytes -= waiting.bytes
    if (error) waiting.reject(refuse(error))
    else waiting.resolve(report.offset)
  })
  return {
    send: ({ topic, partition, key, value, headers }) =>
      new Promise((resolve, reject) => {
        const size = value?.length ?? 0
        if (bytes + size > options.maxUnconfirmedBytes && messages > 0) {
          reject(
            new ServiceError('unavailable', 'Kafka is behind. Send the same request again a little later.'),
          )
          return
        }
        const waiting: Waiting = { bytes: size, resolve, reject }
        try {
          producer.produce(
            topic,
            partition ?? null,
            value,
            key,
            null,
            waiting,
            headers as MessageHeader[] | undefined,
          )
          messages += 1
          bytes += size
        } catch (error) {
          reject(refuse(error as LibrdKafkaError))
        }
      }),
    unconfirmed: () => ({ messages, bytes }),
    ping: (timeoutMs) =>
      new Promise((resolve, reject) => {
        producer.getMetadata({ timeout: timeoutMs }, (error) => (error ? reject(error) : resolve()))
      }),
    async stop(timeoutMs) {
      await leave()
      await new Promise<void>((resolve) => {
        producer.disconnect(timeoutMs, () => resolve())
      })
    },
  }
}

function connect(producer: Producer): Promise<void> {
  return new Promise((resolve, reject) => {
    producer.connect({ timeout: 5_000 }, (error) => (error ? reject(error) : resolve()))
  })
}
