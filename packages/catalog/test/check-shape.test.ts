import t from 'tap'
import { Compile } from 'typebox/compile'
import { checkShape } from '../src/check-shape.ts'
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
