import { setTimeout as delay } from 'node:timers/promises'
import { ServiceError } from './errors.ts'
import type { KafkaConfig } from './kafka-client.ts'
import { kafkaNotReached } from './kafka-not-reached.ts'
import {
  connectKafkaProducer,
  type KafkaProducer,
  type KafkaProducerOptions,
  type OutgoingRecord,
} from './kafka-producer.ts'
import type { Logger } from './log.ts'

/** A producer that is there from the start, whether Kafka is or not, and outlives outages and fatal errors. */
export interface LastingProducer {
  /** As a KafkaProducer's; refuses at once with `unavailable` while Kafka is known not to be reachable. */
  send(message: OutgoingRecord): Promise<number>
  unconfirmed(): { messages: number; bytes: number }
  stop(timeoutMs: number): Promise<void>
}

const retryMs = 500

interface Connection {
  readonly producer: KafkaProducer
  /** Ends the sends that are not answered yet. */
  readonly unanswered: Set<(error: ServiceError) => void>
}

interface Trouble {
  readonly fatal: boolean
  readonly reason: string
}

/**
 * @param onState why nothing can be written now, or undefined as soon as it can
 * @param connectProducer the client; another one in tests of what a real Kafka cannot be brought to do
 */
export function startLastingProducer(
  config: KafkaConfig,
  options: Omit<KafkaProducerOptions, 'onTrouble'>,
  logger: Logger,
  onState: (missing: string | undefined) => void,
  connectProducer = connectKafkaProducer,
): LastingProducer {
  let current: Connection | undefined
  let stopped = false
  /** A write failed, or the cluster was lost, and it has not answered since. */
  let lost = false
  let probing: Promise<void> | undefined

  const connect = async (): Promise<void> => {
    while (!stopped && current === undefined) {
      try {
        let connected: Connection | undefined
        const onTrouble = (trouble: Trouble): void => {
          if (connected !== undefined) handle(connected, trouble)
        }
        const producer = await connectProducer(config, { ...options, onTrouble }, logger)
        connected = { producer, unanswered: new Set() }
        current = connected
        lost = false
        onState(undefined)
      } catch (error) {
        onState(reasonOf(error))
        await delay(retryMs)
      }
    }
  }
  // Nothing tells that a cluster is back; so it is asked until it answers.
  const probe = async (connection: Connection): Promise<void> => {
    while (!stopped && current === connection) {
      try {
        await connection.producer.ping(2_000)
        lost = false
        onState(undefined)
        return
      } catch (error) {
        onState(reasonOf(error))
        await delay(retryMs)
      }
    }
  }
  const handle = (connection: Connection, { fatal, reason }: Trouble): void => {
    if (stopped || current !== connection) return
    lost = true
    onState(reason)
    if (fatal) {
      logger.error({ part: options.clientId, reason }, 'kafka producer is replaced')
      current = undefined
      void close(connection, options.deliveryTimeoutMs)
      connecting = connect()
      return
    }
    probing ??= probe(connection).finally(() => {
      probing = undefined
    })
  }
  let connecting = connect()

  return {
    send(message) {
      if (current !== undefined && !lost) return send(current, message)
      return Promise.reject(kafkaNotReached())
    },
    unconfirmed: () => current?.producer.unconfirmed() ?? { messages: 0, bytes: 0 },
    async stop(timeoutMs) {
      stopped = true
      await Promise.all([connecting, probing])
      if (current !== undefined) await close(current, timeoutMs)
    },
  }
}

function send({ producer, unanswered }: Connection, message: OutgoingRecord): Promise<number> {
  return new Promise((resolve, reject) => {
    unanswered.add(reject)
    producer
      .send(message)
      .then(resolve, reject)
      .finally(() => unanswered.delete(reject))
  })
}

/** A client that is closed, above all after a fatal error, may forget messages without a report. */
async function close({ producer, unanswered }: Connection, timeoutMs: number): Promise<void> {
  await producer.stop(timeoutMs)
  for (const reject of unanswered) {
    reject(new ServiceError('unavailable', 'Kafka did not confirm the write. Send the same request again.'))
  }
}

const reasonOf = (error: unknown): string => (error instanceof Error ? error.message : String(error))
