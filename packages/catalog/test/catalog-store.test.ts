import type { CatalogRecord } from '@millrace/proto'
import t from 'tap'
import { createCatalogStore } from '../src/catalog-store.ts'

const record = (version: number, changes: Partial<CatalogRecord> = {}): CatalogRecord => ({
  tenant: 'acme',
  kind: 'meter',
  name: 'visits',
  version,
  deleted: false,
  json: '{"eventTypes":["visit.recorded"],"aggregation":"count"}',
  writtenAtUs: 0,
  writtenBy: 'test',
  ...changes,
})

t.test('a resource tells at which offset its last version was written', async (t) => {
  const store = createCatalogStore()
  t.equal(store.writtenAt('acme', 'meter', 'visits'), -1)
  store.apply(record(1), 7)
  t.equal(store.writtenAt('acme', 'meter', 'visits'), 7)
  store.apply(record(2), 12)
  store.apply(record(1), 15)
  t.equal(store.writtenAt('acme', 'meter', 'visits'), 12, 'an older version changes nothing')
  store.apply(record(3, { deleted: true }), 20)
  t.equal(store.writtenAt('acme', 'meter', 'visits'), 20)
  t.equal(store.meter('acme', 'visits'), undefined)
})
