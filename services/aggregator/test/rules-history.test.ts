import { type CatalogStore, createCatalogStore } from '@millrace/catalog/catalog-store'
import { createLogger } from '@millrace/service-kit/log'
import t from 'tap'
import { createAggregatorMetrics } from '../src/metrics.ts'
import { createRulesHistory } from '../src/rules-history.ts'

function putType(store: CatalogStore, version: number): void {
  const facts = {
    kind: 'event-type',
    name: 'a',
    deleted: false,
    json: '{}',
    writtenAtUs: 0,
    writtenBy: 'test',
  }
  store.apply({ tenant: 'default', version, ...facts })
}

/** A catalog whose end is 1; every record in it is a version of type `a`. */
function createHistory() {
  const catalog = { end: 1, position: () => catalog.end, readToEnd: async () => {} }
  const reads: number[] = []
  const rulesAsOf = createRulesHistory(
    { catalog, metrics: createAggregatorMetrics(), logger: createLogger('test', 'silent') },
    { kafkaBrokers: ['unused.invalid:1'], kafkaTopicPrefix: '' } as never,
    async (_config, _logger, { offset }) => {
      reads.push(offset)
      const store = createCatalogStore()
      for (let version = 1; version <= offset; version += 1) putType(store, version)
      return store
    },
  )
  return { catalog, reads, rulesAsOf }
}

t.test('rules as of the present end are a copy that later writes do not reach', async (t) => {
  const { catalog, reads, rulesAsOf } = createHistory()
  const rulesOf = await rulesAsOf(1)
  catalog.end = 2
  t.equal(rulesOf('default', 'a').version, 1)
  t.strictSame(reads, [1])
})

t.test('of a catalog that is shorter, its end is copied', async (t) => {
  const { reads, rulesAsOf } = createHistory()
  t.equal((await rulesAsOf(9))('default', 'a').version, 1)
  t.strictSame(reads, [1])
})

t.test('partitions that are taken up together share a read', async (t) => {
  const { reads, rulesAsOf } = createHistory()
  await Promise.all([rulesAsOf(1), rulesAsOf(1)])
  t.strictSame(reads, [1])
  await rulesAsOf(1)
  t.strictSame(reads, [1, 1], 'nothing is kept')
})
