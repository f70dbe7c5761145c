import { type AttributeValue, type Event, EventRecord } from '@millrace/proto'
import t from 'tap'
import { encodeEventRecord } from '../src/encode-record.ts'
import { readEvent } from '../src/read-event.ts'
import { sampleReception } from './sample-reception.ts'

const event = (size: number): Event => ({
  ...readEvent({ type: 'a', id: `${size}` }, sampleReception(), () => undefined),
  data: Buffer.alloc(size, 'x'),
})
const generated = (it: Event): Uint8Array =>
  EventRecord.encode({ record: { $case: 'event', value: it } }).finish()

t.test('records of all sizes, one after the other, are what the generated code writes', async (t) => {
  const sizes = [0, 10, 100_000, 3, 127, 128, 16_300, 20_000, 300_000, 1]
  const events = sizes.map(event)
  const encoded = events.map(encodeEventRecord)
  for (const [index, bytes] of encoded.entries()) {
    t.ok(Buffer.from(generated(events[index] as Event)).equals(bytes), `${sizes[index]} bytes of data`)
  }
  t.same(
    encoded.map((bytes) => EventRecord.decode(bytes).record?.value),
    events,
  )
})

t.test('an event that cannot be encoded leaves nothing in the next one', async (t) => {
  t.throws(() => encodeEventRecord({ ...event(5), application: undefined as unknown as string }))
  t.throws(() => encodeEventRecord({ ...event(5), receivedAtUs: 1.5 }))
  t.throws(() => encodeEventRecord({ ...event(5), extensions: { a: {} as AttributeValue } }))
  t.same(EventRecord.decode(encodeEventRecord(event(7))).record?.value, event(7))
})

t.test('any event is encoded as the generated code does', async (t) => {
  const random = (limit: number): number => Math.floor(Math.random() * limit)
  const alphabets = ['a', 'Zz09-_.', 'é', '漢', '😀x', '\u007f\u0080\u07ff\u0800\uffff']
  const text = (): string => {
    const letters = [...(alphabets[random(alphabets.length)] ?? '')]
    const length = [0, 1, 5, 36, 126, 127, 128, 129, 4_096][random(9)] ?? 0
    return Array.from({ length }, () => letters[random(letters.length)]).join('')
  }
  const time = (): number =>
    [0, 1, 127, 128, 2 ** 31 - 1, 2 ** 31, 2 ** 32, 2 ** 52, 1_700_000_000_000_001][random(9)] ?? 0
  const integer = (): number => [0, 1, -1, 63, 64, -64, -65, 2 ** 31 - 1, -(2 ** 31)][random(9)] ?? 0
  const attribute = (): AttributeValue => {
    const kind = random(3)
    if (kind === 0) return { value: { $case: 'text', value: text() } }
    if (kind === 1) return { value: { $case: 'integer', value: integer() } }
    return { value: { $case: 'boolean', value: random(2) === 1 } }
  }
  for (let round = 0; round < 500; round += 1) {
    const it: Event = {
      tenant: text(),
      source: text(),
      id: text(),
      type: text(),
      subject: text(),
      occurredAtUs: time(),
      receivedAtUs: time(),
      dataContentType: text(),
      dataSchema: text(),
      data: Buffer.alloc(random(300), 'd'),
      extensions: Object.fromEntries(
        Array.from({ length: random(3) }, (_, n) => [`x${'y'.repeat(random(64))}${n}`, attribute()]),
      ),
      traceparent: text(),
      application: text(),
      backfill: random(2) === 1,
    }
    if (!Buffer.from(generated(it)).equals(encodeEventRecord(it))) {
      t.fail(`differs: ${JSON.stringify(it)}`)
      return
    }
  }
  t.pass('500 random events')
})
