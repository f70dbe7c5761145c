import t from 'tap'
import { checkMeter } from '../src/check-meter.ts'

const count = { eventTypes: ['visit.recorded'], aggregation: 'count' }
const pointers = (body: unknown): string[] => checkMeter(body).map((fault) => fault.pointer)

t.test('the meters of the contract are accepted', async (t) => {
  t.same(checkMeter({ ...count, groupBy: { page: '/data/path' } }), [])
  t.same(
    checkMeter({
      eventTypes: ['order.paid'],
      aggregation: 'sum',
      value: '/data/amount',
      groupBy: { shop: '/subject' },
      filter: { exact: { source: 'shop' } },
    }),
    [],
  )
})

t.test('faults are named by where they are', async (t) => {
  t.same(pointers({}), ['/eventTypes', '/aggregation'])
  t.same(pointers([]), [''])
  t.same(pointers(null), [''])
  t.same(pointers({ ...count, extra: 1 }), [''])
  t.same(pointers({ ...count, eventTypes: [] }), ['/eventTypes'])
  t.same(pointers({ ...count, groupBy: { page: 'data/path' } }), ['/groupBy/page'])
  t.same(pointers({ ...count, groupBy: { 'a b': '/data/path' } }), ['/groupBy'])
  t.same(pointers({ ...count, value: '/data/~2' }), ['/value'])
})

t.test('all that is wrong is told at once', async (t) => {
  const wrong = {
    eventTypes: ['a', 'b.*'],
    aggregation: 'median',
    value: 'data/amount',
    groupBy: { value: '/data/v' },
    filter: { exakt: {} },
  }
  t.same(pointers(wrong).sort(), ['/aggregation', '/eventTypes/1', '/filter', '/groupBy/value', '/value'])
  t.same(pointers({ aggregation: 'sum' }), ['/eventTypes', '/value'])
})

t.test('an aggregation over values needs to know where they are', async (t) => {
  for (const aggregation of ['sum', 'min', 'max', 'avg', 'unique', 'latest', 'p50', 'p90', 'p95', 'p99']) {
    t.same(pointers({ ...count, aggregation }), ['/value'], aggregation)
    t.same(pointers({ ...count, aggregation, value: '/data/amount' }), [], aggregation)
  }
})

t.test('counts and amounts are not made of a value', async (t) => {
  for (const aggregation of ['count', 'amount']) {
    t.same(pointers({ ...count, aggregation }), [], aggregation)
    t.same(pointers({ ...count, aggregation, value: '/data/amount' }), ['/value'], aggregation)
  }
})

t.test('an aggregation that does not exist is refused and the existing ones are named', async (t) => {
  t.match(checkMeter({ ...count, aggregation: 'median' })[0]?.detail, /one of count, .*unique, .*p99, amount/)
})

t.test('a meter names its event types in full, each once', async (t) => {
  t.same(pointers({ ...count, eventTypes: ['a', 'visit.*', '*'] }), ['/eventTypes/1', '/eventTypes/2'])
  t.same(pointers({ ...count, eventTypes: ['a', 'b', 'a'] }), ['/eventTypes/2'])
})

t.test('dimensions do not take the names of a report’s own columns', async (t) => {
  const groupBy = { value: '/data/v', windowStart: '/data/s', windowEnd: '/data/e', page: '/data/p' }
  t.same(pointers({ ...count, groupBy }), ['/groupBy/value', '/groupBy/windowStart', '/groupBy/windowEnd'])
  const money = { currency: '/data/currency', settled: '/data/settled' }
  t.same(pointers({ ...count, groupBy: money }), [])
  t.same(pointers({ ...count, aggregation: 'amount', groupBy: money }), [
    '/groupBy/currency',
    '/groupBy/settled',
  ])
})

t.test('a filter holds so many conditions that an event can be held against them', async (t) => {
  const any = (length: number) => ({
    any: Array.from({ length }, (_, n) => ({ exact: { subject: `${n}` } })),
  })
  t.same(pointers({ ...count, filter: any(500) }), [])
  t.same(pointers({ ...count, filter: any(501) }), ['/filter'])
  t.same(pointers({ ...count, filter: { not: { all: [any(250), any(251)] } } }), ['/filter'])
})

t.test('filters are checked in depth', async (t) => {
  const filtered = (filter: unknown): string[] => pointers({ ...count, filter })
  t.same(
    filtered({ all: [{ not: { prefix: { subject: 'eu/' } } }, { any: [{ suffix: { type: 'x' } }] }] }),
    [],
  )
  t.same(filtered({ sql: 'true' }), ['/filter'])
  t.same(filtered({ exact: { type: 'a' }, prefix: { type: 'b' } }), ['/filter'])
  t.same(filtered({ exact: {} }), ['/filter/exact'])
  t.same(filtered({ exact: { Type: 'a' } }), ['/filter/exact/Type'])
  t.same(filtered({ all: [] }), ['/filter/all'])
  t.same(filtered({ all: [{ exact: { type: 'a' } }, { exact: { type: 1 } }] }), ['/filter/all/1/exact/type'])
})

t.test('a filter that nests without end is refused, not recursed into', async (t) => {
  let filter: object = { exact: { type: 'a' } }
  for (let depth = 0; depth < 50_000; depth += 1) filter = { not: filter }
  t.match(checkMeter({ ...count, filter })[0]?.detail, /nests deeper/)
})
