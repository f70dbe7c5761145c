import { startCatalogReader } from '@millrace/catalog/catalog-reader'
import { readConfig } from '@millrace/service-kit/config'
import { createLogger } from '@millrace/service-kit/log'
import { createMetrics } from '@millrace/service-kit/metrics'
import { createAwaitCatalog } from '../../src/await-catalog.ts'
import { settings } from '../../src/config.ts'
import { createSubscriptions } from '../../src/start-subscriptions.ts'

/** The service's part that hands out events, to be killed. */
const config = readConfig(settings, process.env)
const logger = createLogger('subscribing', config.logLevel)
const catalog = await startCatalogReader(config, logger, 'subscribing')
const awaitCatalog = createAwaitCatalog(() => catalog, logger)
const deps = {
  catalog,
  awaitCatalog,
  readiness: { set: () => undefined },
  registry: createMetrics('test'),
  logger,
}
await createSubscriptions(deps, config, config.instanceId).start()
