import { randomUUID } from 'node:crypto'
import { createKeyUsageBook, type KeyUsageBook } from '@millrace/catalog/key-usage'
import { startKeyUsageExchange } from '@millrace/catalog/key-usage-exchange'
import type { KafkaConfig } from '@millrace/service-kit/kafka-client'
import { startLastingProducer } from '@millrace/service-kit/kafka-lasting-producer'
import type { Logger } from '@millrace/service-kit/log'
import type { CatalogFollower } from './catalog-follower.ts'

export interface KeyUsageService {
  readonly limits: KeyUsageBook
  stop(): Promise<void>
}

const deliveryTimeoutMs = 2_000

/**
 * How keys are used here and at the other instances. It is all that this service writes; without Kafka reads go on,
 * and limits hold for this instance alone.
 */
export function startKeyUsage(
  config: KafkaConfig,
  logger: Logger,
  { connected, store }: Pick<CatalogFollower, 'connected' | 'store'>,
): KeyUsageService {
  const limits = createKeyUsageBook(randomUUID())
  const exchange = connected.then(() => {
    // Stopped before Kafka has ever answered.
    if (store() === undefined) return undefined
    const producer = startLastingProducer(
      config,
      { clientId: 'query-key-usage', deliveryTimeoutMs, lingerMs: 1, maxUnconfirmedBytes: 4 * 1024 * 1024 },
      logger,
      (missing) => logger.debug({ part: 'key-usage', missing }, 'telling how keys are used'),
    )
    const exchange = startKeyUsageExchange(
      { book: limits, send: producer.send, logger, service: 'query' },
      config,
    )
    return {
      async stop() {
        await exchange.stop()
        await producer.stop(deliveryTimeoutMs)
      },
    }
  })
  return {
    limits,
    stop: async () => {
      await (await exchange)?.stop()
    },
  }
}
