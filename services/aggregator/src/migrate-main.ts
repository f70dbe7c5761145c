// Brings ClickHouse's tables to the newest version and exits: before a new version's services start, as every
// aggregator does by itself too.
import { createLogger } from '@millrace/service-kit/log'
import { readConfigOrExit } from '@millrace/service-kit/run-service'
import { clickhouseSettings, logSettings } from '@millrace/service-kit/shared-settings'
import { migrate } from './migrate.ts'
import { migrationsDirectory, readMigrations } from './read-migrations.ts'

const config = readConfigOrExit({ ...logSettings, ...clickhouseSettings })
const logger = createLogger('aggregator-migrations', config.logLevel)
try {
  await migrate(readMigrations(migrationsDirectory), config, logger)
  logger.info('migrated')
} catch (error) {
  logger.fatal({ err: error }, 'migrating failed')
  process.exitCode = 1
}
