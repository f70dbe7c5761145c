import { createCatalogStore } from '@millrace/catalog/catalog-store'
import type { Event } from '@millrace/proto'
import t from 'tap'
import { createEventCheck } from '../src/check-event.ts'
import { readEvent } from '../src/read-event.ts'
import { sampleReception } from './sample-reception.ts'

const store = createCatalogStore()
const check = createEventCheck(() => store)
const schema = { type: 'object', required: ['path'], properties: { path: { type: 'string' } } }
const put = (version: number, body: object, name = 'a'): void =>
  store.apply({
    tenant: 'default',
    kind: 'event-type',
    name,
    version,
    deleted: false,
    json: JSON.stringify(body),
    writtenAtUs: 0,
    writtenBy: 'root',
  })
const event = (data: string, contentType = ''): Event => ({
  ...readEvent({ type: 'a' }, sampleReception(), () => undefined),
  dataContentType: contentType,
  data: Buffer.from(data),
})

t.test('only types that ask for it are checked before acceptance', async (t) => {
  t.equal(createEventCheck(() => undefined)(event('{}')), undefined)
  t.equal(check(event('{}')), undefined)
  put(1, { schema })
  t.equal(check(event('{}')), undefined)
  put(2, { schema, validation: 'before' })
  t.match(check(event('{}')), { pointer: '/data', detail: /path/ })
  t.match(check(event('{"path":1}')), { pointer: '/data/path' })
  t.equal(check(event('{"path":"/a"}')), undefined)
})

t.test('missing data and other media types do not fit a schema', async (t) => {
  t.match(check(event('')), { pointer: '/data' })
  t.match(check(event('<a/>', 'text/xml')), { pointer: '/datacontenttype' })
})

t.test('data that nests too deep is not given to a schema that may recurse into it', async (t) => {
  const list = { items: { $ref: '#/$defs/list' } }
  put(3, { schema: { $ref: '#/$defs/list', $defs: { list } }, validation: 'before' })
  t.match(check(event('['.repeat(100_000) + ']'.repeat(100_000))), { pointer: '/data', detail: /deeper/ })
  t.equal(check(event('['.repeat(128) + ']'.repeat(128))), undefined)
})

t.test('a changed schema is used from its version on', async (t) => {
  put(4, { schema: { type: 'array' }, validation: 'before' })
  t.equal(check(event('[]')), undefined)
  t.ok(check(event('{"path":"/a"}')))
})

t.test('a type that nobody registered is refused only where the tenant wants it so', async (t) => {
  const settle = (version: number, unknownEventTypes: string, tenant = 'default'): void =>
    store.apply({
      tenant,
      kind: 'settings',
      name: 'settings',
      version,
      deleted: false,
      json: JSON.stringify({ unknownEventTypes }),
      writtenAtUs: 0,
      writtenBy: 'root',
    })
  const unknown = { ...event('{}'), type: 'b c' }
  t.equal(check(unknown), undefined)
  settle(1, 'refuse', 'other')
  t.equal(check(unknown), undefined, 'another tenant’s wish')
  settle(1, 'refuse')
  t.match(check(unknown), { pointer: '/type', detail: /PUT \/v1\/event-types\/b%20c first/ })
  t.equal(check(event('[]')), undefined, 'a known type')
  put(1, {}, 'b c')
  t.equal(check(unknown), undefined, 'known from now on')
  settle(2, 'accept')
  t.equal(check({ ...unknown, type: 'c' }), undefined)
})

t.test('a type that is checked before acceptance refuses what is too old, but for backfills', async (t) => {
  const dayUs = 24 * 60 * 60 * 1_000_000
  const old = (ageUs: number, backfill = false): Event => {
    const fresh = event('{}')
    return { ...fresh, type: 'aged', occurredAtUs: fresh.receivedAtUs - ageUs, backfill }
  }
  put(1, { maxAge: 'P1D' }, 'aged')
  t.equal(check(old(30 * dayUs)), undefined, 'checked after acceptance')
  put(2, { maxAge: 'P1D', validation: 'before' }, 'aged')
  t.equal(check(old(dayUs)), undefined)
  t.equal(check(old(-dayUs)), undefined, 'from the future')
  t.match(check(old(dayUs + 1)), { pointer: '/time', detail: /events:backfill/ })
  t.equal(check(old(30 * dayUs, true)), undefined)
})
