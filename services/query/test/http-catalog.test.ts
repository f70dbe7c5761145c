import { createAuthenticator } from '@millrace/catalog/authenticate-key'
import { createCatalogStore } from '@millrace/catalog/catalog-store'
import type { ResourceKind } from '@millrace/catalog/resources'
import type { Scope } from '@millrace/catalog/scopes'
import { installProblems } from '@millrace/service-kit/problem-http'
import { fastify } from 'fastify'
import t, { type Test } from 'tap'
import { createCursorCodec } from '../src/cursor.ts'
import type { Authorize } from '../src/http.ts'
import { addCatalogRoutes } from '../src/http-catalog.ts'
import { installRequestSchemas } from '../src/request-schema.ts'

const rootKey = 'a-root-key-of-tests'

/** The routes over a catalog that holds these resources. */
async function startCatalog(t: Test, bodies: readonly [ResourceKind, string, object][]) {
  const store = createCatalogStore()
  for (const [index, [kind, name, body]] of bodies.entries()) {
    const json = JSON.stringify(body)
    const written = { writtenAtUs: 1_700_000_000_000_000 + index, writtenBy: 'alice', deleted: false }
    store.apply({ tenant: 'default', kind, name, version: 2, json, ...written })
    store.apply({ tenant: 'other', kind, name: `${name}-of-others`, version: 1, json, ...written })
  }
  const app = fastify()
  installProblems(app)
  installRequestSchemas(app)
  app.setSerializerCompiler(() => JSON.stringify)
  const asked: Scope[] = []
  const authorize: Authorize = (request, scope) => {
    asked.push(scope)
    return createAuthenticator(rootKey).authenticate(request.headers.authorization, scope)
  }
  const progress = { status: 'running', selected: 5, processed: 2, stillInvalid: 1 } as const
  const replays = { read: async () => new Map([['rep_3', progress]]) }
  const keyUsage = { lastUsedAtUs: (id: string) => (id === 'key_1' ? 1_700_000_000_500_000 : undefined) }
  addCatalogRoutes(app, { catalog: store, cursors: createCursorCodec(rootKey), keyUsage, replays }, authorize)
  t.teardown(() => app.close())
  const get = (url: string, headers = {}) =>
    app.inject({ url, headers: { authorization: `Bearer ${rootKey}`, ...headers } })
  return { get, asked, app }
}

const url = 'https://partner.example/hook'
const secrets = [{ sealed: 'v1.sealed-secret', createdAt: '2026-01-01T00:00:00Z' }]
const written = { version: 2, updatedAt: '2023-11-14T22:13:20.000Z', updatedBy: 'alice' }

t.test('an endpoint is shown without its secrets, alone and in the list', async (t) => {
  const { get } = await startCatalog(t, [['endpoint', 'partner-a', { url, secrets }]])
  const one = await get('/v1/endpoints/partner-a')
  t.same(one.json(), { name: 'partner-a', url, ...written })
  t.equal(one.headers.etag, '"2"')
  t.equal((await get('/v1/endpoints/partner-a', { 'if-none-match': '"2"' })).statusCode, 304)
  const all = await get('/v1/endpoints')
  t.same(all.json(), { endpoints: [{ name: 'partner-a', url, ...written }] })
  t.notMatch(one.body + all.body, /seal|secret/)
})

t.test('a key is shown by its id, without its hash, to whoever administers keys', async (t) => {
  const body = { application: 'shop', scopes: ['events:write'], expiresAt: null, hash: 'the-hash' }
  const { get, asked } = await startCatalog(t, [
    ['key', 'key_1', body],
    ['key', 'key_2', body],
  ])
  const told = { application: 'shop', scopes: ['events:write'], expiresAt: null, ...written }
  const shown = { id: 'key_1', ...told, lastUsedAt: '2023-11-14T22:13:20.500Z' }
  const listed = (await get('/v1/keys')).json()
  t.same(listed.keys[0], shown)
  t.match(listed.keys[1], { id: 'key_2', lastUsedAt: null }, 'one that was never used')
  t.same((await get('/v1/keys/key_1')).json(), shown)
  t.same([...new Set(asked)], ['keys:admin'])
  await get('/v1/replays')
  t.equal(asked.at(-1), 'catalog:read')
})

t.test('replays are listed in the order in which they were asked for', async (t) => {
  const requestedAt = '2026-01-01T00:00:00Z'
  const replay = { what: 'events', filter: {}, ratePerSecond: 100, status: 'accepted', requestedAt }
  const { get } = await startCatalog(t, [
    ['replay', 'rep_2', replay],
    ['replay', 'rep_1', replay],
    ['replay', 'rep_3', replay],
  ])
  const first = (await get('/v1/replays?limit=2')).json() as { replays: object[]; nextCursor: string }
  t.match(first.replays, [{ id: 'rep_1', status: 'accepted' }, { id: 'rep_2' }])
  const second = await get(`/v1/replays?limit=2&cursor=${first.nextCursor}`)
  t.match(second.json(), { replays: [{ id: 'rep_3' }] })
  t.notOk((second.json() as { nextCursor?: string }).nextCursor)
  t.equal((await get(`/v1/keys?cursor=${first.nextCursor}`)).statusCode, 400, 'another list’s cursor')
  t.match((await get('/v1/replays/rep_1')).json(), { id: 'rep_1', what: 'events' })
  const progress = { status: 'running', selected: 5, processed: 2, stillInvalid: 1 }
  t.match(second.json(), { replays: [progress] })
  const begun = await get('/v1/replays/rep_3', { 'if-none-match': '*' })
  t.match(begun.json(), progress, 'its version does not tell how far it is')
})

t.test('settings are the defaults until somebody has written some', async (t) => {
  const none = await (await startCatalog(t, [])).get('/v1/settings')
  t.same(none.json(), { unknownEventTypes: 'accept', version: 0 })
  t.equal(none.headers.etag, undefined)
  const { get } = await startCatalog(t, [['settings', 'settings', { unknownEventTypes: 'refuse' }]])
  const some = await get('/v1/settings')
  t.same(some.json(), { unknownEventTypes: 'refuse', ...written })
  t.equal(some.headers.etag, '"2"')
})

t.test('other tenants’ resources, and such as never were, are not there', async (t) => {
  const { get } = await startCatalog(t, [['endpoint', 'partner-a', { url, secrets }]])
  for (const path of ['/v1/endpoints/partner-a-of-others', '/v1/endpoints/nope', '/v1/keys/partner-a']) {
    t.equal((await get(path)).statusCode, 404, path)
  }
})

t.test('without a key nothing is told, not even which parameters there are', async (t) => {
  const { app } = await startCatalog(t, [])
  for (const path of ['/v1/endpoints', '/v1/keys/x', '/v1/replays?x=1', '/v1/settings', '/v1/settings?x=1']) {
    t.equal((await app.inject(path)).statusCode, 401, path)
  }
  const headers = { authorization: `Bearer ${rootKey}` }
  t.match((await app.inject({ url: '/v1/settings?x=1', headers })).json(), { status: 400 })
})
