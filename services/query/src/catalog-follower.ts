import { setTimeout as wait } from 'node:timers/promises'
import { type CatalogReader, startCatalogReader } from '@millrace/catalog/catalog-reader'
import type { CatalogStore } from '@millrace/catalog/catalog-store'
import { type DeliveryStateReader, startDeliveryStateReader } from '@millrace/catalog/delivery-state-reader'
import { createReplayProgressIndex, type ReplayProgressIndex } from '@millrace/catalog/replay-progress'
import { catalogTopic, deliveryStateTopic, eventsTopic, usageTopic } from '@millrace/proto/topics'
import { ServiceError } from '@millrace/service-kit/errors'
import type { KafkaConfig } from '@millrace/service-kit/kafka-client'
import { ensureTopics } from '@millrace/service-kit/kafka-topics'
import type { Logger } from '@millrace/service-kit/log'
import type { Readiness } from '@millrace/service-kit/readiness'

export type CatalogView = Pick<CatalogStore, 'meter' | 'list'>

export interface CatalogFollower {
  /** @throws {ServiceError} `unavailable` until the catalog was read to its end */
  readonly view: CatalogView
  /** Undefined until the catalog was read to its end. */
  store(): CatalogStore | undefined
  /** @throws {ServiceError} `unavailable` until it was read to its end */
  readonly deliveryReplays: Pick<ReplayProgressIndex, 'read'>
  /** Resolves once Kafka has answered, or when the follower was stopped before. */
  readonly connected: Promise<void>
  /** Partitions of millrace.events; undefined until Kafka has answered. */
  eventsPartitions(): number | undefined
  stop(): Promise<void>
}

const retryMs = 500

/** Reads the catalog as soon as Kafka answers, however long that takes; after that the client waits outages out. */
export function startCatalogFollower(
  config: KafkaConfig,
  logger: Logger,
  readiness: Readiness,
): CatalogFollower {
  let reader: CatalogReader | undefined
  let deliveryState: DeliveryStateReader | undefined
  let deliveryReplays: ReplayProgressIndex | undefined
  let partitions: number | undefined
  let stopped = false
  const connect = async (): Promise<void> => {
    let reported = ''
    while (!stopped && reader === undefined) {
      try {
        const topics = [catalogTopic, eventsTopic, usageTopic, deliveryStateTopic]
        partitions = (await ensureTopics(topics, config, logger)).get(eventsTopic.name)
        deliveryState ??= await startDeliveryStateReader(config, logger, 'query')
        deliveryReplays ??= createReplayProgressIndex(deliveryState.store)
        reader = await startCatalogReader(config, logger, 'query')
        readiness.set('catalog', undefined)
      } catch (error) {
        const reason = (error as Error).message
        readiness.set('catalog', `cannot be read from Kafka: ${reason}`)
        if (reason !== reported) logger.warn({ part: 'catalog', reason }, 'waiting for kafka')
        reported = reason
        await wait(retryMs)
      }
    }
  }
  const connecting = connect()
  const store = (): CatalogStore => {
    if (reader !== undefined) return reader.store
    throw new ServiceError('unavailable', 'The catalog is still being read. Try again shortly.')
  }
  return {
    view: {
      meter: (tenant, name) => store().meter(tenant, name),
      list: (tenant, kind) => store().list(tenant, kind),
    },
    store: () => reader?.store,
    deliveryReplays: {
      read(tenant, replay) {
        if (deliveryReplays !== undefined) return deliveryReplays.read(tenant, replay)
        throw new ServiceError('unavailable', 'Replays are still being read. Try again shortly.')
      },
    },
    connected: connecting,
    eventsPartitions: () => partitions,
    stop: async () => {
      stopped = true
      await connecting
      await Promise.all([reader?.stop(), deliveryState?.stop()])
    },
  }
}
