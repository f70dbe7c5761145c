import t from 'tap'
import { type CatalogStore, createCatalogStore } from '../src/catalog-store.ts'
import { type CatalogWrite, decideWrite } from '../src/decide-write.ts'

const base: CatalogWrite = {
  tenant: 'default',
  kind: 'meter',
  name: 'visits',
  body: { a: 1 },
  application: 'root',
}

/** Applies what the writes come to. */
function written(...writes: Partial<CatalogWrite>[]): CatalogStore {
  const store = createCatalogStore()
  for (const write of writes) {
    const { record } = decideWrite(store, { ...base, ...write }, 1_700_000_000_000_001)
    if (record !== undefined) store.apply(record)
  }
  return store
}

t.test('the first write creates version 1, a change makes version 2', async (t) => {
  const first = decideWrite(written(), base, 1_700_000_000_000_001)
  t.match(first.result, { version: 1, created: true, updatedAt: '2023-11-14T22:13:20.000001Z' })
  const second = decideWrite(written({}), { ...base, body: { a: 2 } }, 0)
  t.match(second.result, { version: 2, created: false, body: { a: 2 } })
})

t.test('putting what is there already writes nothing and keeps the version', async (t) => {
  const { record, result } = decideWrite(
    written({ body: { a: 1, b: 2 } }),
    { ...base, body: { b: 2, a: 1 } },
    0,
  )
  t.equal(record, undefined)
  t.match(result, { version: 1, created: false, updatedAt: '2023-11-14T22:13:20.000001Z' })
})

t.test('If-Match refuses another version, and a resource that is not there', async (t) => {
  const refused = { code: 'precondition-failed' }
  t.throws(() => decideWrite(written({}), { ...base, body: {}, ifMatch: [2] }, 0), refused)
  t.throws(() => decideWrite(written(), { ...base, ifMatch: [1] }, 0), refused)
  t.throws(() => decideWrite(written(), { ...base, ifMatch: '*' }, 0), refused)
  t.throws(() => decideWrite(written({}, { body: undefined }), { ...base, ifMatch: [2] }, 0), refused)
  t.equal(decideWrite(written({}), { ...base, body: {}, ifMatch: [7, 1] }, 0).result.version, 2)
  t.equal(decideWrite(written({}), { ...base, body: {}, ifMatch: '*' }, 0).result.version, 2)
})

t.test('If-None-Match: * refuses what exists', async (t) => {
  t.throws(() => decideWrite(written({}), { ...base, ifNoneMatch: true }, 0), { code: 'precondition-failed' })
  t.equal(decideWrite(written(), { ...base, ifNoneMatch: true }, 0).result.version, 1)
})

t.test('a deletion keeps counting versions, and the next write is a creation', async (t) => {
  const store = written({}, { body: undefined })
  t.equal(store.meter('default', 'visits'), undefined)
  t.equal(store.versionOf('default', 'meter', 'visits'), 2)
  t.match(decideWrite(store, base, 0).result, { version: 3, created: true })
  t.throws(() => decideWrite(store, { ...base, body: undefined }, 0), { code: 'not-found' })
})

t.test('names of one kind do not meet those of another, nor of another tenant', async (t) => {
  const store = written({})
  t.equal(decideWrite(store, { ...base, kind: 'event-type' }, 0).result.version, 1)
  t.equal(decideWrite(store, { ...base, tenant: 'other' }, 0).result.version, 1)
})

t.test('replays, which nobody can delete, are not counted', async (t) => {
  const store: CatalogStore = { ...createCatalogStore(), count: () => 10_000 }
  t.equal(decideWrite(store, { ...base, kind: 'replay', name: 'rep_1' }, 0).result.version, 1)
})

t.test('a change is decided by what there is at that moment', async (t) => {
  const change = (existing: object | undefined): object => ({ before: existing ?? null })
  const first = decideWrite(written(), { ...base, body: undefined, change }, 0)
  t.match(first.result, { created: true, body: { before: null } })
  const second = decideWrite(written({}), { ...base, body: undefined, change }, 0)
  t.match(second.result, { created: false, version: 2, body: { before: { a: 1 } } })
})

t.test('who wrote a version is kept, also when the same is put again by somebody else', async (t) => {
  const same = decideWrite(written({ application: 'alice' }), { ...base, application: 'bob' }, 0)
  t.match(same.result, { version: 1, updatedBy: 'alice' })
  const other = decideWrite(written({ application: 'alice' }), { ...base, body: {}, application: 'bob' }, 0)
  t.match(other.result, { version: 2, updatedBy: 'bob' })
})

t.test('the record of a deleted endpoint holds no secret any more', async (t) => {
  const endpoint = {
    kind: 'endpoint',
    body: { url: 'https://a.example/', secrets: [{ sealed: 'x', createdAt: '2026-01-01T00:00:00Z' }] },
  } as const
  const { record } = decideWrite(written(endpoint), { ...base, kind: 'endpoint', body: undefined }, 0)
  t.equal(record?.json, '{"url":"https://a.example/"}')
})

t.test('a tenant cannot fill the memory of every service: resources of a kind are counted', async (t) => {
  const store = createCatalogStore()
  for (let n = 0; n < 10_000; n += 1) {
    const { record } = decideWrite(store, { ...base, name: `m${n}` }, 0)
    if (record !== undefined) store.apply(record)
  }
  t.throws(() => decideWrite(store, { ...base, name: 'one-more' }, 0), { code: 'conflict' })
  t.equal(decideWrite(store, { ...base, name: 'm0', body: {} }, 0).result.version, 2)
  t.equal(decideWrite(store, { ...base, tenant: 'other' }, 0).result.version, 1)
})

t.test('a write may be refused by what is there, a deletion as well', async (t) => {
  const check = (existing: object): void => {
    throw new Error(JSON.stringify(existing))
  }
  t.equal(decideWrite(written(), { ...base, check }, 0).result.created, true)
  t.throws(() => decideWrite(written({}), { ...base, check }, 0), /"a":1/)
  t.throws(() => decideWrite(written({}), { ...base, body: undefined, check }, 0), /"a":1/)
})

t.test('what cannot be used is created anew, as a further version, or deleted', async (t) => {
  const broken = { ...base, kind: 'endpoint', name: 'partner', body: { url: 5 } } as const
  const store = written(broken)
  const mended = { url: 'https://partner.example/', secrets: [] }
  const change = (existing: object | undefined): object => {
    t.equal(existing, undefined, 'nothing of it is taken over')
    return mended
  }
  const { result } = decideWrite(store, { ...broken, body: undefined, change }, 0)
  t.match(result, { version: 2, created: true, body: mended })
  t.throws(() => decideWrite(store, { ...broken, ifMatch: [1] }, 0), { code: 'precondition-failed' })
  t.throws(() => decideWrite(store, { ...broken, check: () => undefined }, 0), { code: 'forbidden' })
  const deleted = decideWrite(store, { ...broken, body: undefined }, 0)
  t.match(deleted.record, { version: 2, deleted: true, json: '{}' })
})
