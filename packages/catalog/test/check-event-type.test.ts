import t from 'tap'
import { checkEventType } from '../src/check-event-type.ts'

t.test('the event types of the contract are accepted', async (t) => {
  t.same(
    checkEventType({
      description: 'a page was visited',
      schema: { type: 'object', required: ['path'], properties: { path: { type: 'string' } } },
      validation: 'after',
      maxAge: 'PT12H',
      retention: 'P5Y',
      rates: [],
    }),
    [],
  )
  t.same(
    checkEventType({
      rates: [{ effectiveFrom: '2017-01-01T00:00:00Z', amountMinor: 50000, currency: 'SEK' }],
    }),
    [],
  )
  t.same(checkEventType({}), [])
})

t.test('a schema that does not compile is refused with the reason', async (t) => {
  const fault = (schema: object) => checkEventType({ schema })[0]
  t.match(fault({ type: 'objct' }), { pointer: '/schema', detail: /usable JSON Schema 2020-12: .*type/ })
  t.match(fault({ pattern: '[' }), { pointer: '/schema/pattern', detail: /the pattern "\[" cannot be used/ })
  t.match(fault({ items: { pattern: '(a)\\1' } }), {
    pointer: '/schema/items/pattern',
    detail: /back-references are not supported/,
  })
  t.match(fault({ patternProperties: { '^(?=x)': true } }), {
    pointer: '/schema/patternProperties/^(?=x)',
    detail: /lookarounds .* are not supported/,
  })
})

t.test('faults are named by where they are', async (t) => {
  const pointers = (body: unknown): string[] => checkEventType(body).map((fault) => fault.pointer)
  t.same(pointers({ schema: true }), ['/schema'])
  t.same(pointers({ validation: 'never' }), ['/validation'])
  t.same(pointers({ maxAge: '12h' }), ['/maxAge'])
  t.same(pointers({ rates: [{ effectiveFrom: '2017-02-30T00:00:00Z', amountMinor: 1.5, currency: 'kr' }] }), [
    '/rates/0/effectiveFrom',
    '/rates/0/amountMinor',
    '/rates/0/currency',
  ])
  const rate = (effectiveFrom: string) => ({ effectiveFrom, amountMinor: 1, currency: 'SEK' })
  t.same(
    pointers({
      rates: [rate('2017-01-01T00:00:00Z'), rate('2018-01-01T00:00:00Z'), rate('2017-01-01T01:00:00+01:00')],
    }),
    ['/rates/2/effectiveFrom'],
  )
  t.same(pointers({ retention: 'P9999999Y' }), ['/retention'])
  t.same(pointers({ unknown: 1 }), [''])
  t.same(pointers('text'), [''])
})

t.test('a schema that nests without end is refused, not recursed into', async (t) => {
  let example: unknown = 1
  for (let depth = 0; depth < 50_000; depth += 1) example = [example]
  t.match(checkEventType({ schema: { examples: [example] } })[0]?.detail, /nests deeper/)
})
