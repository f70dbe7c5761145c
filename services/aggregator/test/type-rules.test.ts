import { createCatalogStore } from '@millrace/catalog/catalog-store'
import { createLogger } from '@millrace/service-kit/log'
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
  const lines: string[] = []
  const logger = createLogger('test', 'error', { write: (line) => lines.push(line) })
  const told = () => lines.map((line) => JSON.parse(line) as { kind: string; name: string; version: number })
  return { put, told, rulesOf: createTypeRulesSource(store, logger).rulesOf }
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

t.test(
  'what cannot be used is told once per version, and what is of such a type is invalid; the rest goes on',
  async (t) => {
    const { put, told, rulesOf } = createCatalog()
    const bad = [
      { eventTypes: ['a'], aggregation: 'count', groupBy: { page: 5 } },
      { eventTypes: ['a'], aggregation: 'count', groupBy: null },
      { eventTypes: ['a'], aggregation: 'sum', value: 5 },
      { eventTypes: ['a'], aggregation: 'constructor' },
      { eventTypes: 5, aggregation: 'count' },
      { eventTypes: ['a'], aggregation: 'count', filter: { all: [{ exact: null }] } },
    ]
    for (const [index, body] of bad.entries()) put('meter', `bad${index}`, 1, body)
    put('meter', 'good', 1, { eventTypes: ['a', 'b'], aggregation: 'count' })
    put('event-type', 'a', 1, {
      rates: [{ effectiveFrom: '2026-01-01T00:00:00Z', amountMinor: 1.5, currency: 'SEK' }],
    })
    put('event-type', 'b', 1, {})
    t.match(rulesOf('default', 'a'), { version: 1, meters: [{ name: 'good' }], rates: [] })
    t.match(rulesOf('default', 'a').findFault?.({}), { reason: /cannot be used/ })
    t.match(rulesOf('default', 'b'), { version: 1, meters: [{ name: 'good' }] })
    const names = ['bad0', 'bad1', 'bad2', 'bad3', 'bad4', 'bad5', 'a']
    t.match(
      told().map(({ name }) => name),
      names,
    )
    put('event-type', 'b', 2, {})
    t.equal(rulesOf('default', 'b').version, 2)
    t.equal(told().length, names.length, 'not again')
    put('meter', 'bad0', 2, bad[0] ?? {})
    put('event-type', 'a', 2, { rates: 5 })
    rulesOf('default', 'a')
    put('event-type', 'b', 3, {
      rates: [{ effectiveFrom: 'tomorrow', amountMinor: 1, currency: 'SEK' }],
    })
    rulesOf('default', 'b')
    t.match(told().slice(names.length), [
      { kind: 'meter', name: 'bad0', version: 2 },
      { kind: 'event-type', name: 'a', version: 2 },
      { kind: 'event-type', name: 'b', version: 3 },
    ])
  },
)
