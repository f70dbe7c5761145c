import { createCatalogStore } from '@millrace/catalog/catalog-store'
import t from 'tap'
import { createSubscriptionIndex } from '../src/subscription-index.ts'

function setUp() {
  const catalog = createCatalogStore()
  let version = 0
  const put = (name: string, body: object | undefined, tenant = 'acme'): void => {
    version += 1
    const json = JSON.stringify({ url: 'https://a.test/', secrets: [], ...body })
    const rest = { deleted: body === undefined, json, writtenAtUs: 5, writtenBy: '' }
    catalog.apply({ tenant, kind: 'endpoint', name, version, ...rest }, version)
  }
  return { catalog, put }
}

t.test('endpoints are found by type, by pattern, or because they ask for everything', async (t) => {
  const { catalog, put } = setUp()
  put('everything', {})
  const index = createSubscriptionIndex(catalog)
  const names = (type: string, tenant = 'acme') =>
    index.candidates(tenant, type).map(({ endpoint }) => endpoint)
  t.same(names('order.paid'), ['everything'], 'what was there before')
  put('paid', { eventTypes: ['order.paid', 'order.refunded'] })
  put('orders', { eventTypes: ['order.*', 'visit'] })
  put('other', { eventTypes: ['order.paid'] }, 'other')
  t.same(names('order.paid'), ['everything', 'orders', 'paid'])
  t.same(names('visit'), ['everything', 'orders'])
  t.same(names('login'), ['everything'])
  t.same(names('order.paid', 'other'), ['other'])
  t.same(names('order.paid', 'nobody'), [])
})

t.test('a change, a disabling and a deletion are seen by the next event', async (t) => {
  const { catalog, put } = setUp()
  const index = createSubscriptionIndex(catalog)
  const names = (type: string) => index.candidates('acme', type).map(({ endpoint }) => endpoint)
  put('a', { eventTypes: ['one'] })
  put('b', { eventTypes: ['o*'] })
  t.same(names('one'), ['a', 'b'])
  put('a', { eventTypes: ['two'] })
  t.same([names('one'), names('two')], [['b'], ['a']])
  put('b', { eventTypes: ['two'] })
  t.same([names('one'), names('two')], [[], ['a', 'b']])
  put('a', { eventTypes: ['two'], enabled: false })
  t.same(names('two'), ['b'])
  put('b', undefined)
  t.same(names('two'), [])
  put('a', { eventTypes: ['two'] })
  t.same(names('two'), ['a'])
})

t.test(
  'an endpoint’s events begin with its creation; what has none, with its oldest secret or last write',
  async (t) => {
    const { catalog, put } = setUp()
    const index = createSubscriptionIndex(catalog)
    const since = () => index.candidates('acme', 'x')[0]?.createdAtUs
    put('a', {})
    t.equal(since(), 5)
    const at = (second: number) => ({ sealed: 'x', createdAt: `1970-01-01T00:00:0${second}Z` })
    const secrets = [at(2), at(1)]
    put('a', { secrets })
    t.equal(since(), 1_000_000)
    put('a', { secrets, createdAt: '1970-01-01T00:00:00.5Z' })
    t.equal(since(), 500_000)
    t.equal(index.candidates('acme', 'x')[0]?.writtenAt, 3)
  },
)

t.test('finding costs no look at the endpoints of other types', async (t) => {
  const { catalog, put } = setUp()
  for (let n = 0; n < 2_000; n += 1) put(`e-${n}`, { eventTypes: [`type-${n}`] })
  const index = createSubscriptionIndex(catalog)
  const first = index.candidates('acme', 'type-7')
  t.equal(first.length, 1)
  t.equal(index.candidates('acme', 'type-7'), first, 'asked again it is not even searched')
  put('e-8', { eventTypes: ['type-8'], concurrency: 1 })
  t.equal(index.candidates('acme', 'type-7'), first, 'nor after a change of another type')
})
