import { EventBatch, type EventRecord } from '@millrace/proto'
import t from 'tap'
import { decodeBatch } from '../src/decode-batch.ts'
import { makeEvent } from './event-fixture.ts'

const encode = (records: EventRecord[], catalogThrough = 0): Buffer =>
  Buffer.from(EventBatch.encode({ records, catalogThrough }).finish())

const full = makeEvent('{"ä":"\u{1f600}"}', {
  id: 'x'.repeat(300),
  dataSchema: 'https://schemas.example/1',
  traceparent: '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01',
  backfill: true,
  occurredAtUs: -6_213_559_680_000_000,
  extensions: { a: { value: { $case: 'text', value: 'b' } }, n: { value: { $case: 'integer', value: -7 } } },
})

t.test('an event reads as the generated code reads it', async (t) => {
  const bare = makeEvent('', { subject: '', application: '', occurredAtUs: 0, receivedAtUs: 1 })
  const large = makeEvent('{}', { occurredAtUs: Number.MAX_SAFE_INTEGER, receivedAtUs: -1 })
  for (const value of [full, bare, large]) {
    const bytes = encode([{ record: { $case: 'event', value } }], 2 ** 40)
    const { records, catalogThrough } = decodeBatch(bytes)
    const generated = EventBatch.decode(bytes)
    t.equal(catalogThrough, generated.catalogThrough)
    t.equal(records.length, 1)
    const event = records[0]?.event
    const expected = generated.records[0]?.record
    if (event === undefined || expected?.$case !== 'event') throw new Error('no event')
    const read = Object.fromEntries(
      Object.keys(expected.value).map((name) => [name, event[name as keyof typeof expected.value]]),
    )
    t.strictSame(read, { ...expected.value })
  }
})

t.test('records keep their places, and settlements come whole', async (t) => {
  const settlement = {
    tenant: 'default',
    source: 'shop',
    id: '1',
    reference: 'r',
    settledAtUs: 5,
    receivedAtUs: 6,
    application: 'web',
    traceparent: '',
    allowedEventTypes: [],
    allowedSubjects: [],
  }
  const { records } = decodeBatch(
    encode([
      { record: { $case: 'event', value: full } },
      { record: { $case: 'settlement', value: settlement } },
      { record: undefined },
      { record: { $case: 'event', value: makeEvent('{}') } },
    ]),
  )
  t.strictSame(
    records.map(({ index, event }) => [index, event?.id.length]),
    [
      [0, 300],
      [1, undefined],
      [2, undefined],
      [3, 4],
    ],
  )
  const second = records[1]
  const decoded = second !== undefined && second.event === undefined ? second.record : undefined
  t.equal(decoded?.$case === 'settlement' && decoded.value.reference, 'r')
})

t.test('what later versions add is passed over', async (t) => {
  const event = encode([{ record: { $case: 'event', value: makeEvent('{}') } }])
  // Field 99 of the batch: a varint, eight bytes, some bytes and four bytes.
  const unknown = Buffer.from('9806ffff0399060102030405060708' + '9a0602abcd' + '9d0601020304', 'hex')
  const { records } = decodeBatch(Buffer.concat([unknown, event, unknown]))
  t.equal(records[0]?.event?.id, 'id-1')
})

t.test('bytes that are no batch are refused, wherever they end', async (t) => {
  const whole = encode([{ record: { $case: 'event', value: full } }])
  // A batch may be empty.
  for (let length = 1; length < whole.length; length += 1) {
    t.throws(() => decodeBatch(whole.subarray(0, length)), { name: 'UndecodableError' }, `${length} bytes`)
  }
  for (const hex of ['0aff', '0bff', 'ffffffffffff', '10ffffffffffffffff7f', '08ffffffffffffffffffff']) {
    t.throws(() => decodeBatch(Buffer.from(hex, 'hex')), { name: 'UndecodableError' }, hex)
  }
})
