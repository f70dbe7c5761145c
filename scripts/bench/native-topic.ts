import type { TopicDescription } from '@millrace/proto/topics'
import { readConfig } from '@millrace/service-kit/config'
import { ensureTopics } from '@millrace/service-kit/kafka-topics'
import { createLogger } from '@millrace/service-kit/log'
import { kafkaSettings } from '@millrace/service-kit/shared-settings'
import { type BenchMesh, eventsPartitions } from './bench-mesh.ts'

/** Where the native producer writes: as many partitions as ingest has. */
export const nativeTopic: TopicDescription = {
  name: 'bench.native',
  message: 'EventBatch',
  key: 'a number',
  partitions: 'events',
  cleanup: 'delete',
}

export async function createNativeTopic(mesh: BenchMesh): Promise<void> {
  const config = readConfig(kafkaSettings, {
    KAFKA_BROKERS: mesh.kafka.bootstrapServers,
    KAFKA_REPLICATION_FACTOR: '1',
    KAFKA_MIN_INSYNC_REPLICAS: '1',
    KAFKA_EVENTS_PARTITIONS: String(eventsPartitions),
  })
  await ensureTopics([nativeTopic], config, createLogger('bench', 'warn'))
}
