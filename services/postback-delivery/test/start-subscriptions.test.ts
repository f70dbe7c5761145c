import type { CatalogReader } from '@millrace/catalog/catalog-reader'
import { createCatalogStore } from '@millrace/catalog/catalog-store'
import { createLogger } from '@millrace/service-kit/log'
import { createMetrics } from '@millrace/service-kit/metrics'
import t from 'tap'
import { createSubscriptions } from '../src/start-subscriptions.ts'

t.test('a start that Kafka refuses can be tried again, and leaves nothing behind', async (t) => {
  const catalog = createCatalogStore()
  let listeners = 0
  const store = {
    ...catalog,
    onChange(listener: Parameters<typeof catalog.onChange>[0]) {
      listeners += 1
      return catalog.onChange(listener)
    },
  }
  const registry = createMetrics('test')
  const subscriptions = createSubscriptions(
    {
      catalog: { store, position: () => 0, readToEnd: async () => undefined } as unknown as CatalogReader,
      awaitCatalog: async () => undefined,
      readiness: { set: () => undefined },
      registry,
      logger: createLogger('test', 'silent'),
    },
    {
      // The client refuses the certificate at once; a broker that is away would take it some seconds.
      ...{ kafkaBrokers: ['127.0.0.1:1'], kafkaTls: true, kafkaTlsCa: 'no certificate' },
      ...{ kafkaTopicPrefix: '', kafkaReplicationFactor: 1, kafkaMinInsyncReplicas: 1 },
    } as unknown as Parameters<typeof createSubscriptions>[1],
    'one',
  )
  const before = listeners
  const refusals: string[] = []
  for (let attempt = 0; attempt < 3; attempt += 1)
    await subscriptions.start().catch((error: Error) => refusals.push(error.message))
  t.equal(refusals.length, 3)
  t.same([...new Set(refusals)], ['not in pem format?'], 'Kafka’s client’s own, every time')
  t.equal(listeners, before, 'none listens for another attempt')
  t.match(await registry.metrics(), /subscription_lag_messages/)
  await subscriptions.stop()
})
