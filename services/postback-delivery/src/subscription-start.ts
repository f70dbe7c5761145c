import { setTimeout as delay } from 'node:timers/promises'
import type {
  KafkaConsumer,
  TopicPartition,
  TopicPartitionOffsetAndMetadata,
} from '@millrace/service-kit/kafka-consumer'
import type { Logger } from '@millrace/service-kit/log'
import { readCommitted } from './commit-positions.ts'
import type { Place } from './fan-out.ts'

export interface Start {
  readonly partition: number
  readonly offset: number
  readonly after: Place | undefined
}

interface Deps {
  /** Reads the catalog to its end, and tells whether there is any endpoint. */
  readonly hasEndpoints: () => Promise<boolean>
  readonly logger: Logger
}

const retryMs = 500
const watermarksTimeoutMs = 5_000

/** Where to go on. Asks until it is answered: a transaction that a crash left open is first ended by its coordinator. */
export async function chooseStarts(
  consumer: KafkaConsumer,
  partitions: readonly TopicPartition[],
  deps: Deps,
  isStopping: () => boolean,
): Promise<readonly Start[]> {
  while (!isStopping()) {
    try {
      const found = await readCommitted(consumer, [...partitions])
      return await Promise.all(found.map((committed) => chooseStart(consumer, committed, deps)))
    } catch (error) {
      deps.logger.warn({ err: error }, 'it cannot be read yet how far subscriptions are')
      await delay(retryMs)
    }
  }
  return []
}

/**
 * A partition of which nothing was committed yet is read from its beginning, for endpoints get only what was accepted
 * after them. Where there is no endpoint, from its end: one that comes later is created after the end was asked for, and
 * so is everything that it gets.
 */
async function chooseStart(
  consumer: KafkaConsumer,
  { topic, partition, offset, metadata }: TopicPartitionOffsetAndMetadata,
  { hasEndpoints, logger }: Deps,
): Promise<Start> {
  if (typeof offset === 'number' && offset >= 0) {
    const after = readPlace(metadata)
    if (metadata && after === undefined) {
      logger.warn({ partition, offset }, 'committed progress was not written by this service')
    }
    return { partition, offset, after }
  }
  const { low, high } = await consumer.watermarks(topic, partition, watermarksTimeoutMs)
  const start = (await hasEndpoints()) ? low : high
  logger.info({ partition, low, high, start }, 'subscriptions begin')
  return { partition, offset: start, after: undefined }
}

/** What `writePlace` has written; undefined where a message begins. */
function readPlace(metadata: string | null | undefined): Place | undefined {
  const [, record, endpoint] = /^(\d+) (\S+)$/.exec(metadata ?? '') ?? []
  return record === undefined || endpoint === undefined ? undefined : { record: Number(record), endpoint }
}

/** For the metadata of an offset. */
export function writePlace(place: Place | undefined): string {
  return place === undefined ? '' : `${place.record} ${place.endpoint}`
}
