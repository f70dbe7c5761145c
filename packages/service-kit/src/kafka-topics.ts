import { setTimeout as delay } from 'node:timers/promises'
import kafka, { type IAdminClient, type LibrdKafkaError } from '@confluentinc/kafka-javascript'
import type { TopicDescription } from '@millrace/proto/topics'
import { commonClientConfig, type KafkaConfig } from './kafka-client.ts'
import type { Logger } from './log.ts'

// CommonJS whose names Node cannot see from outside.
const { AdminClient, CODES, Producer } = kafka

/**
 * Creates the topics that are missing. An existing topic stays as it is; other partitions are reported, but not
 * other settings (retention, cleanup, whose timestamps): the client has no way to ask for them.
 * @returns partitions of each topic by its description's name
 * @throws {LibrdKafkaError} when no broker answers or a topic cannot be created
 */
export async function ensureTopics(
  descriptions: readonly TopicDescription[],
  config: KafkaConfig,
  logger: Logger,
): Promise<ReadonlyMap<string, number>> {
  const before = await readPartitionCounts(config)
  const missing = descriptions.filter(({ name }) => !before.has(config.kafkaTopicPrefix + name))
  if (missing.length > 0) await createTopics(missing, config)
  const after = missing.length > 0 ? await readUntilKnown(descriptions, config) : before
  const counts = new Map<string, number>()
  for (const description of descriptions) {
    const wanted = partitionsOf(description, config)
    const found = after.get(config.kafkaTopicPrefix + description.name)
    if (found !== undefined && found !== wanted) {
      logger.warn({ topic: description.name, wanted, found }, 'topic has other partitions than configured')
    }
    counts.set(description.name, found ?? wanted)
  }
  return counts
}

/** A broker knows of a topic a moment after it was made; a consumer that subscribes before looks again only much later. */
async function readUntilKnown(
  descriptions: readonly TopicDescription[],
  config: KafkaConfig,
): Promise<ReadonlyMap<string, number>> {
  for (let look = 1; ; look += 1) {
    const counts = await readPartitionCounts(config)
    const all = descriptions.every(({ name }) => counts.has(config.kafkaTopicPrefix + name))
    if (all || look === 50) return counts
    await delay(100)
  }
}

function partitionsOf({ partitions }: TopicDescription, config: KafkaConfig): number {
  if (partitions === 'events') return config.kafkaEventsPartitions
  return partitions === 'postbacks' ? config.kafkaPostbacksPartitions : 1
}

async function createTopics(descriptions: readonly TopicDescription[], config: KafkaConfig): Promise<void> {
  const admin = AdminClient.create(commonClientConfig(config, 'millrace-topics'))
  try {
    await Promise.all(descriptions.map((description) => createWhenEnoughBrokers(admin, description, config)))
  } finally {
    admin.disconnect()
  }
}

/** A broker that has just started answers before it counts: until then there are too few for the replicas. */
async function createWhenEnoughBrokers(
  admin: IAdminClient,
  description: TopicDescription,
  config: KafkaConfig,
): Promise<void> {
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await createTopic(admin, description, config)
    } catch (error) {
      const tooFew = (error as LibrdKafkaError).code === CODES.ERRORS.ERR_INVALID_REPLICATION_FACTOR
      if (!tooFew || attempt === 20) throw error
      await delay(250)
    }
  }
}

function createTopic(admin: IAdminClient, description: TopicDescription, config: KafkaConfig): Promise<void> {
  const topic = {
    topic: config.kafkaTopicPrefix + description.name,
    num_partitions: partitionsOf(description, config),
    replication_factor: config.kafkaReplicationFactor,
    config: {
      'cleanup.policy': description.cleanup,
      'min.insync.replicas': String(config.kafkaMinInsyncReplicas),
      ...(description.retentionMs !== undefined && { 'retention.ms': String(description.retentionMs) }),
      ...(description.segmentBytes !== undefined && { 'segment.bytes': String(description.segmentBytes) }),
      ...(description.segmentMs !== undefined && { 'segment.ms': String(description.segmentMs) }),
      ...(description.compactionLagMs !== undefined && {
        'min.compaction.lag.ms': String(description.compactionLagMs),
      }),
      ...(description.appendTime && { 'message.timestamp.type': 'LogAppendTime' }),
    },
  }
  return new Promise((resolve, reject) => {
    admin.createTopic(topic, 10_000, (error: LibrdKafkaError) => {
      // Another service may have been quicker.
      if (error && error.code !== CODES.ERRORS.ERR_TOPIC_ALREADY_EXISTS) reject(error)
      else resolve()
    })
  })
}

/** Partitions of every topic of the cluster, by name. */
function readPartitionCounts(config: KafkaConfig): Promise<Map<string, number>> {
  const client = new Producer(commonClientConfig(config, 'millrace-metadata'), {})
  return new Promise((resolve, reject) => {
    client.connect({ allTopics: true, timeout: 5_000 }, (error, metadata) => {
      if (error) {
        reject(error)
        return
      }
      const counts = new Map(metadata.topics.map(({ name, partitions }) => [name, partitions.length]))
      client.disconnect(() => resolve(counts))
    })
  })
}
