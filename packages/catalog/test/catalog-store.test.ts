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

const endpoint = (version: number, body: object): CatalogRecord =>
  record(version, { kind: 'endpoint', name: 'partner', json: JSON.stringify(body) })

const good = {
  url: 'https://partner.example/',
  secrets: [{ sealed: 'x', createdAt: '2026-01-01T00:00:00Z' }],
}

t.test('what cannot be used is as if it were not there, is told of, and stays a version', async (t) => {
  const told: CatalogRecord[] = []
  const store = createCatalogStore((bad) => told.push(bad))
  const seen: string[] = []
  store.onChange(({ version }) =>
    seen.push(`${version} ${store.endpoint('acme', 'partner')?.version ?? '-'}`),
  )
  store.apply(endpoint(1, good))
  store.apply(endpoint(2, { ...good, eventTypes: 'order.paid' }))
  t.equal(store.endpoint('acme', 'partner'), undefined)
  t.same(store.all('endpoint'), [])
  t.ok(store.isUnusable('acme', 'endpoint', 'partner'))
  t.equal(store.unusable(), 1)
  t.match(told, [{ version: 2 }])
  t.equal(store.versionOf('acme', 'endpoint', 'partner'), 2)
  store.apply(endpoint(3, good))
  t.equal(store.unusable(), 0)
  t.same(seen, ['1 1', '2 -', '3 3'])
  store.apply(endpoint(4, {}))
  store.apply(record(5, { kind: 'endpoint', name: 'partner', json: '{}', deleted: true }))
  t.equal(store.unusable(), 0, 'what is deleted is no trouble')
})

t.test('what breaks its users cannot be used', async (t) => {
  const bodies = [
    { ...good, url: 5 },
    { ...good, secrets: undefined },
    { ...good, secrets: [null] },
    { ...good, filter: { all: [{ exact: 5 }] } },
    { ...good, filter: { nothing: {} } },
    { ...good, retry: {} },
    { ...good, headers: { 'x-team': 5 } },
    { ...good, concurrency: 0 },
    { ...good, rateLimit: { perSecond: 0 } },
    { ...good, createdAt: 5 },
  ]
  for (const [index, body] of bodies.entries()) {
    const store = createCatalogStore()
    store.apply(endpoint(1, body))
    t.ok(store.isUnusable('acme', 'endpoint', 'partner'), JSON.stringify(bodies[index]))
  }
  const replay = { what: 'deliveries', filter: {}, ratePerSecond: 5, requestedAt: '2026-01-01T00:00:00Z' }
  const store = createCatalogStore()
  for (const [version, body] of [replay, { ...replay, filter: undefined }, null].entries()) {
    store.apply(record(version + 1, { kind: 'replay', name: `${version}`, json: JSON.stringify(body) }))
  }
  t.same(
    store.all('replay').map(({ name }) => name),
    ['0'],
  )
})

t.test('what an earlier version took by wider limits, or with more members, stays', async (t) => {
  const store = createCatalogStore()
  store.apply(
    endpoint(1, {
      ...good,
      ...{ extra: true, rateLimit: { perSecond: 0.0001 }, concurrency: 5_000, timeoutMs: 50 },
      ...{
        retry: { delaysMs: [90_000_000_000] },
        filter: { exact: { 'Type-X': 'a', type: 'a'.repeat(2_000) } },
      },
    }),
  )
  t.equal(store.unusable(), 0)
})
