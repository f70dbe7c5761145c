import { parseDuration } from '@millrace/catalog/duration'
import { createFaultFinder } from '@millrace/catalog/fault-finder'
import t from 'tap'
import { judgeEvent, type TypeRules } from '../src/judge-event.ts'
import type { PreparedMeter } from '../src/prepare-meter.ts'
import { makeEvent } from './event-fixture.ts'

const unknown: TypeRules = { version: 0, findFault: undefined, maxAge: undefined, meters: [] }

function withSchema(schema: Record<string, unknown>): TypeRules {
  return { ...unknown, version: 5, findFault: createFaultFinder(schema) }
}

const visits = withSchema({
  type: 'object',
  required: ['path'],
  properties: {
    path: { type: 'string' },
    at: { type: 'string', format: 'date-time' },
    items: { prefixItems: [{ type: 'integer' }] },
  },
})

const invalid = (reason: string | RegExp, pointer = '', schemaVersion = 5) => ({
  status: 'invalid',
  reason,
  pointer,
  schemaVersion,
})

t.test('data that matches the schema is valid', async (t) => {
  t.match(judgeEvent(makeEvent('{"path":"/","at":"2026-01-02T03:04:05Z","items":[1]}'), visits), {
    status: 'valid',
    schemaVersion: 5,
  })
})

t.test('the fault is named with a JSON Pointer into the data', async (t) => {
  t.match(judgeEvent(makeEvent('{}'), visits), invalid(/required property 'path'/))
  t.match(judgeEvent(makeEvent('{"path":7}'), visits), invalid('must be string', '/path'))
  t.match(judgeEvent(makeEvent('{"path":"","at":"yesterday"}'), visits), invalid(/format "date-time"/, '/at'))
  t.match(
    judgeEvent(makeEvent('{"path":"","items":["x"]}'), visits),
    invalid('must be integer', '/items/0'),
    '2020-12',
  )
})

t.test('a type that nobody registered accepts any data', async (t) => {
  for (const data of ['{"a":1}', 'null', '"text"', '']) {
    t.match(judgeEvent(makeEvent(data), unknown), { status: 'valid', schemaVersion: 0 }, data)
  }
})

t.test('data that is not what its media type says is invalid', async (t) => {
  t.match(judgeEvent(makeEvent('{"a":'), unknown), invalid('data is not JSON', '', 0))
  t.match(
    judgeEvent(makeEvent('', { data: Buffer.from([0x22, 0xff, 0x22]) }), unknown),
    invalid('data is not UTF-8', '', 0),
  )
})

t.test('data nested deeper than the limit is invalid before schema and meters recurse into it', async (t) => {
  const nested = (levels: number, inside = ''): string =>
    `{"path":${'['.repeat(levels - 1)}${inside}${']'.repeat(levels - 1)}}`
  const meter: PreparedMeter = {
    name: 'm',
    version: 1,
    filter: undefined,
    input: 'event',
    rolledUp: true,
    value: undefined,
    dimensions: [['data', 'path']],
  }
  const metered = { ...unknown, meters: [meter] }
  const list = { items: { $ref: '#/$defs/list' } }
  const recursive = withSchema({ properties: { path: { $ref: '#/$defs/list' } }, $defs: { list } })
  t.match(judgeEvent(makeEvent(nested(128, '12345678901234567890')), metered), { status: 'valid' })
  t.match(judgeEvent(makeEvent(nested(128)), recursive), { status: 'valid' })
  for (const levels of [129, 3_000, 200_000]) {
    const fault = invalid('data is nested deeper than 128 levels', '', 0)
    t.match(judgeEvent(makeEvent(nested(levels)), metered), fault, `${levels} levels`)
    t.match(judgeEvent(makeEvent(nested(levels, '12345678901234567890')), metered), fault, 'read exactly')
    t.match(judgeEvent(makeEvent(nested(levels)), recursive), { ...fault, schemaVersion: 5 })
  }
})

t.test('other media types are kept as bytes; a schema asks for JSON', async (t) => {
  const binary = makeEvent('', { data: Buffer.from([0xff, 0x00]), dataContentType: 'image/png' })
  t.match(judgeEvent(binary, unknown), { status: 'valid' })
  t.match(judgeEvent(binary, visits), invalid(/no JSON data/))
  t.match(judgeEvent(makeEvent('', { data: Buffer.alloc(0) }), visits), invalid(/no JSON data/))
  t.match(
    judgeEvent(
      makeEvent('{"path":"/"}', { dataContentType: 'application/vnd.shop+json; charset=utf-8' }),
      visits,
    ),
    { status: 'valid' },
  )
})

t.test('JSON is what ingest takes for JSON', async (t) => {
  for (const dataContentType of ['application/json ; charset=utf-8', 'model/json', 'Application/Json;a=b']) {
    t.match(judgeEvent(makeEvent('{"path":"/"}', { dataContentType }), visits), { status: 'valid' })
    t.match(judgeEvent(makeEvent('{', { dataContentType }), unknown), invalid('data is not JSON', '', 0))
  }
})

t.test('an event older than maxAge is invalid unless its key may backfill', async (t) => {
  const rules = { ...unknown, version: 2, maxAge: parseDuration('PT12H') }
  const { receivedAtUs } = makeEvent('{}')
  const old = receivedAtUs - 12 * 3_600_000_000
  t.match(judgeEvent(makeEvent('{}', { occurredAtUs: old }), rules), { status: 'valid' }, 'exactly as old')
  t.match(judgeEvent(makeEvent('{}', { occurredAtUs: old - 1 }), rules), invalid(/maxAge/, '', 2))
  t.match(judgeEvent(makeEvent('{}', { occurredAtUs: old - 1, backfill: true }), rules), { status: 'valid' })
})

t.test('times that ClickHouse cannot hold are invalid', async (t) => {
  for (const occurredAtUs of [-1, 2 ** 32 * 1_000_000]) {
    t.match(judgeEvent(makeEvent('{}', { occurredAtUs }), unknown), invalid(/^time is not between/, '', 0))
  }
})

t.test('a value that no reading can hold makes the event invalid', async (t) => {
  const meter: PreparedMeter = {
    name: 'm',
    version: 1,
    filter: undefined,
    input: 'number',
    rolledUp: true,
    value: ['data', 'a'],
    dimensions: [],
  }
  t.match(
    judgeEvent(makeEvent('{"a":1e20}'), { ...unknown, meters: [meter] }),
    invalid(/\/data\/a is too large/, '', 0),
  )
})

t.test('a schema that cannot be used makes events invalid, not the service fail', async (t) => {
  for (const schema of [
    { type: 'nonsense' },
    { $ref: 'https://elsewhere.example/schema' },
    { pattern: '(' },
  ]) {
    t.match(judgeEvent(makeEvent('"x"'), withSchema(schema)), invalid(/cannot be used/))
  }
})

t.test('schemas with the same $id do not meet', async (t) => {
  const id = 'https://shop.example/order'
  const first = withSchema({ $id: id, type: 'object' })
  const second = withSchema({ $id: id, type: 'array' })
  t.match(judgeEvent(makeEvent('[]'), second), { status: 'valid' })
  t.match(judgeEvent(makeEvent('{}'), first), { status: 'valid' })
})
