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
  let stopped = false
  let stopExchange: (() => Promise<void>) | undefined
  void connected.then(() => {
    // Stopped before Kafka has ever answered.
    if (stopped || store() === undefined) return
    stopExchange = startExchange(limits, config, logger)
  })
  return {
    limits,
    async stop() {
      stopped = true
      const stop = stopExchange
      stopExchange = undefined
      await stop?.()
    },
  }
}

/** Returns what stops it. */
function startExchange(limits: KeyUsageBook, config: KafkaConfig, logger: Logger): () => Promise<void> {
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
  return async () => {
    await exchange.stop()
    await producer.stop(deliveryTimeoutMs)
  }
}
