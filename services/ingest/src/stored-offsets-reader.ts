import { eventsTopic, storingGroup } from '@millrace/proto/topics'
import type { KafkaConfig } from '@millrace/service-kit/kafka-client'
import { connectKafkaConsumer, type KafkaConsumer } from '@millrace/service-kit/kafka-consumer'
import type { Logger } from '@millrace/service-kit/log'

/** Reads how far the aggregators have stored the events: they commit an offset after what is before it is stored. */
export interface StoredOffsetsReader {
  /** Rejects while Kafka cannot be asked. */
  readNext(partitions: readonly number[]): Promise<ReadonlyMap<number, number>>
  stop(): Promise<void>
}

const timeoutMs = 2_000

/** Connects when it is first asked. It asks as the group, whose member it never becomes. */
export function createStoredOffsetsReader(config: KafkaConfig, logger: Logger): StoredOffsetsReader {
  const topic = config.kafkaTopicPrefix + eventsTopic.name
  let connecting: Promise<KafkaConsumer> | undefined
  const connect = (): Promise<KafkaConsumer> => {
    connecting ??= connectKafkaConsumer(
      config,
      { clientId: 'ingest-stored-offsets', groupId: storingGroup },
      logger,
    ).catch((error: unknown) => {
      connecting = undefined
      throw error
    })
    return connecting
  }
  return {
    async readNext(partitions) {
      const consumer = await connect()
      const asked = partitions.map((partition) => ({ topic, partition }))
      const found = await consumer.committed(asked, timeoutMs)
      return new Map(found.map(({ partition, offset }) => [partition, offset ?? 0]))
    },
    async stop() {
      const consumer = await connecting?.catch(() => undefined)
      await consumer?.stop()
    },
  }
}
