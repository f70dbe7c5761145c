import { createCatalogStore } from '@millrace/catalog/catalog-store'
import type { Event } from '@millrace/proto'
import t from 'tap'
import { createDataCheck } from '../src/check-data.ts'
import { readEvent } from '../src/read-event.ts'
import { sampleReception } from './sample-reception.ts'

const store = createCatalogStore()
const check = createDataCheck(() => store)
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
  t.equal(createDataCheck(() => undefined)(event('{}')), undefined)
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
