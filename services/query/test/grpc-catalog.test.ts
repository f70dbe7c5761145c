import type { Principal } from '@millrace/catalog/authenticate-key'
import { createCatalogStore } from '@millrace/catalog/catalog-store'
import type { ResourceKind } from '@millrace/catalog/resources'
import t from 'tap'
import { createCursorCodec } from '../src/cursor.ts'
import type { GrpcDeps } from '../src/grpc.ts'
import { listKeys, listResources } from '../src/grpc-catalog.ts'

const principal = { tenant: 'default' } as Principal
const written = { version: 1, deleted: false, writtenAtUs: 0, writtenBy: 'test' }

t.test('a page has as many resources as the HTTP door’s, unless it is asked for fewer', async (t) => {
  const store = createCatalogStore()
  const key = { application: 'shop', scopes: ['events:write'], expiresAt: null, hash: 'x' }
  const put = (kind: ResourceKind, index: number, body: object): void => {
    const name = `r${String(index).padStart(4, '0')}`
    store.apply({ tenant: 'default', kind, name, json: JSON.stringify(body), ...written })
  }
  for (let index = 0; index < 501; index += 1) {
    put('meter', index, { eventTypes: ['a'] })
    put('key', index, key)
  }
  const deps = {
    catalog: store,
    cursors: createCursorCodec('root'),
    keyUsage: { lastUsedAtUs: () => undefined },
    replays: { read: async () => new Map() },
  } as unknown as GrpcDeps
  const meters = await listResources(deps, principal, { kind: 'meters', limit: 0, cursor: '' })
  t.equal(meters.resources.length, 500)
  const rest = await listResources(deps, principal, { kind: 'meters', limit: 0, cursor: meters.nextCursor })
  t.match(rest, { resources: [{ name: 'r0500' }], nextCursor: '' })
  t.equal((await listKeys(deps, principal, { limit: 0, cursor: '' })).keys.length, 500)
  t.equal((await listKeys(deps, principal, { limit: 7, cursor: '' })).keys.length, 7)
  await t.rejects(listKeys(deps, principal, { limit: 501, cursor: '' }), { code: 'invalid-request' })
})
