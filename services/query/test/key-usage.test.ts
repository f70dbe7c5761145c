import { createCatalogStore } from '@millrace/catalog/catalog-store'
import { readConfig } from '@millrace/service-kit/config'
import { createLogger } from '@millrace/service-kit/log'
import { kafkaSettings } from '@millrace/service-kit/shared-settings'
import t from 'tap'
import { startKeyUsage } from '../src/key-usage.ts'

// Nobody listens there.
const config = readConfig(kafkaSettings, { KAFKA_BROKERS: '127.0.0.1:1' })
const logger = createLogger('test', 'silent')

t.test('it stops although Kafka has never answered', async (t) => {
  const usage = startKeyUsage(config, logger, { connected: new Promise(() => {}), store: () => undefined })
  await usage.stop()
  t.pass('it has stopped')
})

t.test('stopped before Kafka answers it does not start any more, and may be stopped twice', async (t) => {
  const connected = Promise.withResolvers<void>()
  const looked: string[] = []
  const store = () => {
    looked.push('looked')
    return createCatalogStore()
  }
  const usage = startKeyUsage(config, logger, { connected: connected.promise, store })
  await usage.stop()
  await usage.stop()
  connected.resolve()
  await connected.promise
  t.same(looked, [], 'nothing was started')
})
