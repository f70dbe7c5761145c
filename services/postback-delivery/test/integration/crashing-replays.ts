import { startCatalogReader } from '@millrace/catalog/catalog-reader'
import { startDeliveryStateReader } from '@millrace/catalog/delivery-state-reader'
import { readConfig } from '@millrace/service-kit/config'
import { createLogger } from '@millrace/service-kit/log'
import { settings } from '../../src/config.ts'
import { startReplays } from '../../src/replays.ts'

/** Carries out replays and nothing else, until it is killed. */
const config = readConfig(settings, process.env)
const logger = createLogger('replaying', 'warn')
const catalog = await startCatalogReader(config, logger, 'replaying')
const state = await startDeliveryStateReader(config, logger, 'replaying')
await startReplays(
  { catalog, state, onRedriven: () => {}, logger, now: Date.now },
  { ...config, instance: config.instanceId, partitions: () => config.kafkaPostbacksPartitions },
)
