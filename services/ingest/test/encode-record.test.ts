import { EventRecord } from '@millrace/proto'
import t from 'tap'
import { encodeEventRecord } from '../src/encode-record.ts'
import { readEvent } from '../src/read-event.ts'
import { sampleReception } from './sample-reception.ts'

const event = (size: number) => ({
  ...readEvent({ type: 'a', id: `${size}` }, sampleReception(), () => undefined),
  data: Buffer.alloc(size, 'x'),
})

t.test('records of all sizes, one after the other, decode to their events', async (t) => {
  const events = [0, 10, 100_000, 3, 127, 128, 20_000, 1].map(event)
  const encoded = events.map(encodeEventRecord)
  t.same(
    encoded.map((bytes) => EventRecord.decode(bytes).record?.value),
    events,
  )
})

t.test('an event that cannot be encoded leaves nothing in the next one', async (t) => {
  t.throws(() =>
    encodeEventRecord({ ...event(5), application: undefined as unknown as string, receivedAtUs: 1.5 }),
  )
  t.same(EventRecord.decode(encodeEventRecord(event(7))).record?.value, event(7))
})
