import { createCatalogStore } from '@millrace/catalog/catalog-store'
import t from 'tap'
import { createTypeRulesSource } from '../src/type-rules.ts'

function createCatalog() {
  const store = createCatalogStore()
  const put = (kind: string, name: string, version: number, body: object, deleted = false): void =>
    store.apply({
      tenant: 'default',
      kind,
      name,
      version,
      deleted,
      json: JSON.stringify(body),
      writtenAtUs: 0,
      writtenBy: 'test',
    })
  return { put, rulesOf: createTypeRulesSource(store).rulesOf }
}

t.test('a change of the catalog is seen by the next event', async (t) => {
  const { put, rulesOf } = createCatalog()
  t.equal(rulesOf('default', 'a').version, 0)
  put('event-type', 'a', 1, { schema: { type: 'object' } })
  t.equal(rulesOf('default', 'a').version, 1)
  t.ok(rulesOf('default', 'a').findFault?.('text'))
  put('event-type', 'a', 2, {})
  t.equal(rulesOf('default', 'a').findFault, undefined)
  put('event-type', 'a', 3, {}, true)
  t.equal(rulesOf('default', 'a').version, 0)
})

t.test('meters read the types that they name, registered or not, and only of their tenant', async (t) => {
  const { put, rulesOf } = createCatalog()
  put('meter', 'm', 1, { eventTypes: ['a', 'b', 'a'], aggregation: 'count' })
  put('event-type', 'a', 1, {})
  const names = (tenant: string, type: string): string[] =>
    rulesOf(tenant, type).meters.map(({ name }) => name)
  t.strictSame(names('default', 'a'), ['m'])
  t.strictSame(names('default', 'b'), ['m'])
  t.strictSame(names('default', 'c'), [])
  t.strictSame(names('other', 'a'), [])
  put('meter', 'm', 2, {}, true)
  t.strictSame(names('default', 'a'), [])
})

t.test('a schema is compiled once per version', async (t) => {
  const { put, rulesOf } = createCatalog()
  put('event-type', 'a', 1, { schema: { type: 'object' } })
  const before = rulesOf('default', 'a').findFault
  put('meter', 'm', 1, { eventTypes: ['a'], aggregation: 'count' })
  t.equal(rulesOf('default', 'a').findFault, before)
  put('event-type', 'a', 2, { schema: { type: 'object' } })
  t.not(rulesOf('default', 'a').findFault, before)
})
