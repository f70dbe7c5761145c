import { EventBatch, EventRecord } from '@millrace/proto'
import t from 'tap'
import { packedLength, packRecords } from '../src/pack-records.ts'
import { readEvent } from '../src/read-event.ts'
import { sampleReception } from './sample-reception.ts'

const records = [0, 1, 100, 127, 128, 20_000, 3_000_000].map((size): EventRecord => {
  const event = readEvent({ type: 'a', id: `${size}` }, sampleReception(), () => undefined)
  return { record: { $case: 'event', value: { ...event, data: Buffer.alloc(size, 'x') } } }
})

t.test('packed records are the message that EventBatch encodes', async (t) => {
  for (const catalogThrough of [0, 1, 127, 128, 300, 2 ** 31, 2 ** 40 + 1, Number.MAX_SAFE_INTEGER]) {
    const encoded = records.map((record) => EventRecord.encode(record).finish())
    const expected = Buffer.from(EventBatch.encode({ records, catalogThrough }).finish())
    t.ok(packRecords(encoded, catalogThrough).equals(expected), `catalogThrough ${catalogThrough}`)
  }
  t.same(EventBatch.decode(packRecords([], 5)), { records: [], catalogThrough: 5 })
})

t.test('the length of a packed record is known before', async (t) => {
  for (const size of [0, 1, 127, 128, 16_383, 16_384]) {
    t.equal(packRecords([Buffer.alloc(size)], 0).length, packedLength(size))
  }
})
