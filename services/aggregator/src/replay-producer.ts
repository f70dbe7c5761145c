import { type Event, EventBatch, type EventRecord } from '@millrace/proto'
import { eventPartition } from '@millrace/proto/event-partition'
import { eventsTopic } from '@millrace/proto/topics'
import type { KafkaConfig } from '@millrace/service-kit/kafka-client'
import { connectKafkaProducer, type KafkaProducer } from '@millrace/service-kit/kafka-producer'
import type { Logger } from '@millrace/service-kit/log'

export interface ReplayProducer {
  /** Resolves once Kafka has the events, each in the partition of its name. */
  send(replay: string, events: readonly Event[]): Promise<void>
  stop(): Promise<void>
}

export interface ReplayProducerDeps {
  readonly partitions: number
  /** Next offset of millrace.catalog to come: the events are judged no earlier. */
  readonly catalogPosition: () => number
  /** Milliseconds since 1970. */
  readonly now: () => number
  readonly logger: Logger
}

const stopWithinMs = 2_000

/** Connects when the first replay comes: most instances never see one. */
export function createReplayProducer(deps: ReplayProducerDeps, config: KafkaConfig): ReplayProducer {
  const { partitions, catalogPosition, now, logger } = deps
  let connecting: Promise<KafkaProducer> | undefined
  const connect = async (): Promise<KafkaProducer> => {
    const options = {
      clientId: 'aggregator-replays',
      deliveryTimeoutMs: 20_000,
      lingerMs: 5,
      maxUnconfirmedBytes: 256 * 1024 * 1024,
    }
    connecting ??= connectKafkaProducer(config, options, logger)
    try {
      return await connecting
    } catch (error) {
      connecting = undefined
      throw error
    }
  }
  return {
    async send(replay, events) {
      const producer = await connect()
      const catalogThrough = catalogPosition()
      const replayedAtUs = now() * 1_000
      await Promise.all(
        events.map((event) => {
          const record: EventRecord['record'] = { $case: 'replayed', value: { event, replay, replayedAtUs } }
          const value = EventBatch.encode({ records: [{ record }], catalogThrough }).finish()
          return producer.send({
            topic: config.kafkaTopicPrefix + eventsTopic.name,
            partition: eventPartition(event, partitions),
            value: Buffer.from(value),
          })
        }),
      )
    },
    async stop() {
      const producer = await connecting?.catch(() => undefined)
      await producer?.stop(stopWithinMs)
    },
  }
}
