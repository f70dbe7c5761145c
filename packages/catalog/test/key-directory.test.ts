import type { CatalogRecord } from '@millrace/proto'
import t from 'tap'
import { createAuthenticator } from '../src/authenticate-key.ts'
import { type CatalogStore, createCatalogStore } from '../src/catalog-store.ts'
import { createKeyDirectory } from '../src/key-directory.ts'
import { hashKey } from '../src/key-text.ts'

const text = 'mr_0123456789012345678901234567890123456789012'
const authorization = `Bearer ${text}`
const start = Date.parse('2026-01-01T00:00:00Z')

function keyRecord(version: number, change: Partial<CatalogRecord> & { body?: object } = {}): CatalogRecord {
  const { body, ...rest } = change
  return {
    tenant: 'acme',
    kind: 'key',
    name: 'key_0123456789abcdefghijkl',
    version,
    deleted: false,
    json: JSON.stringify({
      application: 'web-shop',
      scopes: ['events:write'],
      expiresAt: null,
      hash: hashKey(text),
      ...body,
    }),
    writtenAtUs: 1,
    writtenBy: 'root',
    ...rest,
  }
}

function setUp() {
  const store = createCatalogStore()
  const clock = { nowMs: start }
  const state: { store: CatalogStore | undefined } = { store }
  const directory = createKeyDirectory(
    () => state.store,
    () => clock.nowMs,
  )
  const { authenticate } = createAuthenticator('the-root-key-of-a-mesh', directory)
  return { store, state, clock, authenticate }
}

t.test('an issued key has its tenant, application, scopes and limits', async (t) => {
  const { store, authenticate } = setUp()
  store.apply(
    keyRecord(1, {
      body: { constraints: { eventTypes: ['visit.*'], subjects: ['*'] }, rateLimit: { perSecond: 5 } },
    }),
  )
  t.match(authenticate(authorization, 'events:write'), {
    tenant: 'acme',
    application: 'web-shop',
    keyId: 'key_0123456789abcdefghijkl',
    constraints: { eventTypes: ['visit.*'] },
    rateLimit: { perSecond: 5 },
  })
  t.equal(
    authenticate(authorization, 'events:write'),
    authenticate(authorization, 'events:write'),
    'the same object each time',
  )
  t.throws(() => authenticate(authorization, 'events:read'), { code: 'forbidden' })
  t.throws(() => authenticate(`${authorization}x`, 'events:write'), { code: 'unauthenticated' })
})

t.test('issuing, changing and revoking a key holds from the next request on', async (t) => {
  const { store, authenticate } = setUp()
  t.throws(() => authenticate(authorization, 'events:write'), { code: 'unauthenticated' })
  store.apply(keyRecord(1))
  t.ok(authenticate(authorization, 'events:write'))
  store.apply(keyRecord(2, { body: { scopes: ['events:read'] } }))
  t.throws(() => authenticate(authorization, 'events:write'), { code: 'forbidden' })
  t.ok(authenticate(authorization, 'events:read'))
  store.apply(keyRecord(3, { deleted: true }))
  t.throws(() => authenticate(authorization, 'events:read'), { code: 'unauthenticated' })
})

t.test('a key expires by the clock', async (t) => {
  const { store, clock, authenticate } = setUp()
  store.apply(keyRecord(1, { body: { expiresAt: '2026-01-01T00:00:01Z' } }))
  t.ok(authenticate(authorization, 'events:write'))
  clock.nowMs = start + 999
  t.ok(authenticate(authorization, 'events:write'))
  clock.nowMs = start + 1_000
  t.throws(() => authenticate(authorization, 'events:write'), { code: 'unauthenticated' })
})

t.test('before the catalog was read an issued key waits, the root key works', async (t) => {
  const { state, store, authenticate } = setUp()
  store.apply(keyRecord(1))
  state.store = undefined
  t.throws(() => authenticate(authorization, 'events:write'), { code: 'unavailable' })
  t.ok(authenticate('Bearer the-root-key-of-a-mesh', 'events:write'))
  state.store = store
  t.ok(authenticate(authorization, 'events:write'))
})

t.test('a record that is no key lets nobody in and keeps no other key out', async (t) => {
  const { store, authenticate } = setUp()
  store.apply(keyRecord(1))
  store.apply(keyRecord(1, { name: 'key_broken', json: '{"hash":7}' }))
  store.apply(keyRecord(1, { name: 'key_odd', json: 'null' }))
  t.ok(authenticate(authorization, 'events:write'))
})
