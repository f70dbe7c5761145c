import type { CatalogReader } from '@millrace/catalog/catalog-reader'
import type { CatalogWriter } from '@millrace/catalog/catalog-writer'
import type { KafkaConfig } from '@millrace/service-kit/kafka-client'
import { startLastingProducer } from '@millrace/service-kit/kafka-lasting-producer'
import type { Logger } from '@millrace/service-kit/log'
import { Counter, type Registry } from '@millrace/service-kit/metrics'
import { createEndpointDisabler } from './disable-endpoint.ts'
import { createDisabledTeller } from './tell-disabled.ts'
import { createEndpointWatch, type WatchEndpoint } from './watch-endpoint.ts'

/** Disables endpoints that are gone or fail for long. */
export interface Disabling {
  readonly watch: WatchEndpoint
  stop(): Promise<void>
}

export interface DisablingDeps {
  /** Has been read to its end. */
  readonly catalog: CatalogReader
  readonly writeCatalog: CatalogWriter['write']
  /** Milliseconds since 1970; 0 when the last thing known is a success. */
  readonly failingSinceMs: (queueKey: string) => number
  /** Partitions of millrace.events. */
  readonly eventPartitions: () => number
  readonly registry: Registry
  readonly logger: Logger
}

const clientId = 'postback-delivery-disabling'
const deliveryTimeoutMs = 10_000
const stopMs = 1_000

export function startDisabling(
  { catalog, writeCatalog, failingSinceMs, eventPartitions, registry, logger }: DisablingDeps,
  config: KafkaConfig & { readonly disableAfterMs: number },
): Disabling {
  const now = Date.now
  const producer = startLastingProducer(
    config,
    { clientId, deliveryTimeoutMs, lingerMs: 0, maxUnconfirmedBytes: 1024 * 1024 },
    logger,
    (missing) => logger.debug({ part: clientId, missing }, 'telling of disabled endpoints'),
  )
  const disabled = new Counter({
    name: 'millrace_postback_delivery_endpoints_disabled_total',
    help: 'endpoints that were disabled because they are gone or have failed for long',
    registers: [registry],
  })
  const teller = createDisabledTeller(
    {
      catalog: catalog.store,
      write: writeCatalog,
      send: producer.send,
      catalogPosition: catalog.position,
      eventPartitions,
      logger,
    },
    config,
  )
  const disable = createEndpointDisabler({
    write: writeCatalog,
    onDisabled(endpoint) {
      disabled.inc()
      teller.tell(endpoint)
    },
    logger,
    now,
  })
  teller.tellRest()
  return {
    watch: createEndpointWatch({ disable, failingSinceMs, now }, config),
    async stop() {
      teller.stop()
      await producer.stop(stopMs)
    },
  }
}
