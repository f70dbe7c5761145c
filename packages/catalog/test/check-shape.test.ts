import t from 'tap'
import { Compile } from 'typebox/compile'
import { checkShape, soundMembers } from '../src/check-shape.ts'
import { Endpoint } from '../src/endpoint-resource.ts'
import { EventType, EventTypeName, Meter, ResourceName } from '../src/resources.ts'

t.test('a text of the wrong form is told in words, not by a pattern', (t) => {
  const rates = [{ effectiveFrom: 'soon', amountMinor: 1, currency: 'kr' }]
  t.same(checkShape(Compile(EventType), { maxAge: '12h', retention: 'P', rates }), [
    {
      pointer: '/maxAge',
      detail: 'has to be an ISO 8601 duration in whole numbers, such as "PT12H", "P30D" or "P5Y"',
    },
    {
      pointer: '/retention',
      detail: 'has to be an ISO 8601 duration in whole numbers, such as "PT12H", "P30D" or "P5Y"',
    },
    {
      pointer: '/rates/0/effectiveFrom',
      detail: 'has to be an RFC 3339 time, such as "2017-01-01T00:00:00Z"',
    },
    {
      pointer: '/rates/0/currency',
      detail: 'has to be the three capital letters of a currency (ISO 4217), such as "SEK"',
    },
  ])
  const meter = { eventTypes: ['a'], aggregation: 'count', groupBy: { page: 'path' } }
  t.match(checkShape(Compile(Meter), meter), [{ pointer: '/groupBy/page', detail: /JSON Pointer/ }])
  t.match(checkShape(Compile(ResourceName), 'a/b'), [{ pointer: '', detail: /letter or a digit/ }])
  t.match(checkShape(Compile(EventTypeName), 'a b'), [{ pointer: '', detail: /without blanks/ }])
  t.end()
})

t.test('unknown members and values are told with what there is', (t) => {
  const wrong = { eventTypes: ['a'], aggregation: 'median', group: 1 }
  t.match(checkShape(Compile(Meter), wrong), [
    { pointer: '', detail: 'has unknown members: group' },
    { pointer: '/aggregation', detail: /one of count, sum/ },
  ])
  t.end()
})

t.test('what is missing is told by its own place, and nothing is left out because there is much', (t) => {
  t.same(checkShape(Compile(Meter), {}), [
    { pointer: '/eventTypes', detail: 'is required' },
    { pointer: '/aggregation', detail: 'is required' },
  ])
  const rates = Array.from({ length: 20 }, () => ({ effectiveFrom: 'x', amountMinor: 1, currency: 'SEK' }))
  t.equal(checkShape(Compile(EventType), { validation: 'perhaps', rates }).length, 21)
  t.end()
})

t.test('a value that fits no alternative is told of all of them', (t) => {
  const faults = checkShape(Compile(Endpoint), { url: 'https://a.example', retry: [1_000] })
  t.match(faults, [{ pointer: '/retry', detail: /"webhook", "5xx-only" or .*delaysMs/ }])
  t.match(checkShape(Compile(EventType), { validation: 'x' }), [{ detail: 'has to be one of after, before' }])
  t.end()
})

t.test('members without a fault are looked at further, of what nests too deep none', (t) => {
  const body = { eventTypes: ['a'], aggregation: 'median', value: 5 }
  t.same(soundMembers(body, checkShape(Compile(Meter), body)), { eventTypes: ['a'] })
  t.same(soundMembers(null, checkShape(Compile(Meter), null)), {})
  let deep: unknown = {}
  for (let level = 0; level < 200; level += 1) deep = { deep }
  t.same(soundMembers({ url: 5 }, checkShape(Compile(Endpoint), { url: 5, deep })), {})
  t.end()
})
