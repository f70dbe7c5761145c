import { type DeliveryStateReader, startDeliveryStateReader } from '@millrace/catalog/delivery-state-reader'
import type { DeliveryStateStore } from '@millrace/catalog/delivery-state-store'
import { deliveryStateTopic } from '@millrace/proto/topics'
import type { KafkaConfig } from '@millrace/service-kit/kafka-client'
import { startLastingProducer } from '@millrace/service-kit/kafka-lasting-producer'
import type { OutgoingRecord } from '@millrace/service-kit/kafka-producer'
import type { Logger } from '@millrace/service-kit/log'
import { type Breakers, type BreakersConfig, createBreakers } from './breakers.ts'
import {
  createDeliveryStateWriter,
  type DeliveryStateWriter,
  encodeState,
  type Told,
} from './delivery-state-writer.ts'
import { type InstanceShare, startInstanceShare } from './instance-share.ts'

/** What this instance knows together with the others, through millrace.delivery-state. */
export interface SharedState {
  readonly store: DeliveryStateStore
  readonly writer: DeliveryStateWriter
  readonly instances: InstanceShare
  readonly breakers: Breakers
  readonly reader: DeliveryStateReader
  /**
   * Writes what must be known to hold: resolves once Kafka has it and this instance has read it.
   * @param state undefined ends what the key stood for
   * @throws {ServiceError} `unavailable`
   */
  tell(key: string, state: Told | undefined): Promise<void>
  stop(): Promise<void>
}

export interface SharedStateDeps {
  readonly logger: Logger
  /** That this instance reads. */
  readonly partitions: () => number
  /** Whether a receiver may be asked has changed, perhaps. */
  readonly onBreaker: (queueKey: string) => void
  readonly onTransition: (to: 'open' | 'closed') => void
  /** Whether there is such an endpoint. */
  readonly hasEndpoint: (tenant: string, endpoint: string) => boolean
  readonly now: () => number
  readonly random: () => number
}

const deliveryTimeoutMs = 10_000
const stopMs = 2_000

/** Resolves once all that is there has been read; rejects when no broker answers. Later outages are waited out. */
export async function startSharedState(
  deps: SharedStateDeps,
  config: KafkaConfig & BreakersConfig,
  instance: string,
): Promise<SharedState> {
  const { logger, now } = deps
  const reader: DeliveryStateReader = await startDeliveryStateReader(config, logger, 'postback-delivery')
  const producer = startLastingProducer(
    config,
    {
      clientId: 'postback-delivery-state',
      deliveryTimeoutMs,
      lingerMs: 5,
      maxUnconfirmedBytes: 16 * 1024 * 1024,
    },
    logger,
    // What cannot be told now is told later: the service does its work meanwhile by what it knows.
    (missing) => logger.debug({ part: 'delivery-state', missing }, 'writing shared state'),
  )
  const writer = createDeliveryStateWriter(
    { send: producer.send, logger, now },
    { kafkaTopicPrefix: config.kafkaTopicPrefix, instance },
  )
  const instances = startInstanceShare({ ...deps, store: reader.store, writer }, instance)
  const breakers = createBreakers(
    { ...deps, store: reader.store, writer, onChange: deps.onBreaker },
    config,
    instance,
  )
  return {
    store: reader.store,
    writer,
    instances,
    breakers,
    reader,
    async tell(key, state) {
      const topic = config.kafkaTopicPrefix + deliveryStateTopic.name
      const value = state === undefined ? null : encodeState(state, instance, now())
      const offset = await producer.send({ topic, partition: 0, key, value } as OutgoingRecord)
      await reader.readThrough(offset + 1)
    },
    async stop() {
      breakers.stop()
      instances.stop()
      await writer.stop(stopMs)
      await Promise.all([producer.stop(stopMs), reader.stop()])
    },
  }
}
