import { type Event, EventRecord } from '@millrace/proto'
import { eventPartition } from '@millrace/proto/event-partition'
import t from 'tap'
import { encodeEventRecord } from '../src/encode-record.ts'
import type { Reception } from '../src/read-event.ts'
import { type JsonLayout, readJsonEvents } from '../src/read-json-events.ts'
import { readPlainEvents } from '../src/read-plain-events.ts'
import { createRandom, mutate, pick, seedOfRun } from './bad-input/random.ts'
import { sampleReception } from './sample-reception.ts'

const partitions = 7
const limits = { maxEvents: 50, maxEventBytes: 5_000, partitions, isUnchecked: () => true }

/** What the general reader makes of it; undefined when it refuses. */
function readInGeneral(text: Buffer, layout: JsonLayout, reception: Reception): Event[] | undefined {
  try {
    return readJsonEvents(text, layout, reception, limits.maxEvents)
  } catch {
    return undefined
  }
}

/** What differs between the readers; undefined when nothing does, or the text is not plain. */
function differenceOf(text: Buffer, layout: JsonLayout, fillIn: boolean): string | undefined {
  const reception = sampleReception({ fillIn, backfill: fillIn })
  const plain = readPlainEvents(text, layout, reception, limits)
  if (plain === undefined) return undefined
  const events = readInGeneral(text, layout, reception)
  if (events === undefined) return 'is refused in general'
  if (JSON.stringify(plain.ids) !== JSON.stringify(events.map(({ id }) => id))) return 'other ids'
  for (const [index, event] of events.entries()) {
    const { bytes, partition } = plain.records[index] ?? { bytes: Buffer.alloc(0), partition: -1 }
    if (!Buffer.from(encodeEventRecord(event)).equals(bytes)) {
      return `other record: ${JSON.stringify(EventRecord.decode(bytes))}`
    }
    if (partition !== eventPartition(event, partitions)) return 'another partition'
  }
  return undefined
}

const good = {
  specversion: '1.0',
  id: 'A234-1234',
  source: '/shop/eu',
  type: 'visit.recorded',
  subject: 'customer-1',
  time: '2026-01-31T12:00:00.123456Z',
  datacontenttype: 'application/json',
  data: { path: '/a "b" \\ ö 😀', list: [1, -2.5e3, null, true, [], {}, { a: [false] }], text: '\u0001' },
}
const batch = [good, { ...good, id: '2', source: '/shop/us' }, { ...good, id: '3', data: 'text' }, good]

t.test('plain events are read as the general reader reads them', async (t) => {
  const texts: [what: string, layout: JsonLayout, text: string, isPlain: boolean][] = [
    ['one event', 'one', JSON.stringify(good), true],
    ['with blanks', 'one', `\r\n ${JSON.stringify(good, undefined, '\t ')} \n`, true],
    ['a batch', 'batch', JSON.stringify(batch), true],
    ['either', 'either', JSON.stringify(batch, undefined, 1), true],
    ['no data, no time', 'one', '{"specversion":"1.0","id":"1","source":"a","type":"b"}', true],
    ['digits', 'one', JSON.stringify(good).replace('-2500', '12345678901234567890.123e-400'), true],
    ['null as data', 'one', JSON.stringify({ ...good, data: null }), true],
    ['an extension', 'one', JSON.stringify({ ...good, traceparent: 'a' }), false],
    ['an escape', 'one', JSON.stringify({ ...good, subject: 'a"b' }), false],
    ['beyond ASCII', 'one', JSON.stringify({ ...good, subject: 'ö' }), false],
    ['a name twice', 'one', JSON.stringify(good).replace('{', '{"id":"x",'), false],
    ['a name twice, escaped', 'one', JSON.stringify(good).replace('{', '{"i\\u0064":"x",'), false],
    ['another version', 'one', JSON.stringify({ ...good, specversion: '0.3' }), false],
    ['no source', 'one', JSON.stringify({ ...good, source: undefined }), false],
    ['no good source', 'one', JSON.stringify({ ...good, source: 'a b' }), false],
    ['no good time', 'one', JSON.stringify({ ...good, time: 'today' }), false],
    ['another media type', 'one', JSON.stringify({ ...good, datacontenttype: 'text/plain' }), false],
    ['bytes', 'one', JSON.stringify({ ...good, data: undefined, data_base64: 'YQ==' }), false],
    ['an empty batch', 'batch', '[]', false],
    ['a batch for one', 'one', JSON.stringify(batch), false],
    ['one for a batch', 'batch', JSON.stringify(good), false],
    ['more behind it', 'one', `${JSON.stringify(good)}1`, false],
    ['a comma too much', 'batch', JSON.stringify(batch).replace(']', ',]'), false],
    ['too many', 'batch', JSON.stringify(Array(51).fill(good)), false],
    ['too deep', 'one', JSON.stringify(good).replace('null', '['.repeat(200) + ']'.repeat(200)), false],
    ['too large', 'one', JSON.stringify({ ...good, data: 'a'.repeat(5_000) }), false],
  ]
  for (const [what, layout, text, isPlain] of texts) {
    const bytes = Buffer.from(text)
    const reception = sampleReception({ fillIn: false })
    t.equal(readPlainEvents(bytes, layout, reception, limits) !== undefined, isPlain, what)
    for (const fillIn of [false, true]) t.equal(differenceOf(bytes, layout, fillIn), undefined, what)
  }
})

t.test('types that are checked before acceptance are for the general reader', async (t) => {
  const asked: string[] = []
  const isUnchecked = (tenant: string, type: string): boolean => {
    asked.push(`${tenant} ${type}`)
    return type !== 'b'
  }
  const read = (...types: string[]) =>
    readPlainEvents(
      Buffer.from(JSON.stringify(types.map((type) => ({ ...good, type })))),
      'batch',
      sampleReception(),
      { ...limits, isUnchecked },
    )
  t.same(read('a', 'a', 'c')?.ids.length, 3)
  t.equal(read('a', 'b'), undefined)
  t.same(asked, ['default a', 'default c', 'default a', 'default b'])
})

t.test('whatever is changed in good texts, what passes here is what the general reader reads', async (t) => {
  const seed = seedOfRun()
  t.comment(`BAD_INPUT_SEED=${seed}`)
  const random = createRandom(seed)
  const texts = [good, batch].map((value) => Buffer.from(JSON.stringify(value)))
  texts.push(Buffer.from(JSON.stringify(batch, undefined, 1)))
  let plain = 0
  for (let round = 0; round < 20_000; round += 1) {
    const text = mutate(pick(texts, random), random)
    const layout = pick<JsonLayout>(['one', 'batch', 'either', 'either'], random)
    const difference = differenceOf(text, layout, random() < 0.5)
    if (difference !== undefined) t.fail(`${difference}\n${text.toString()}`)
    if (readPlainEvents(text, layout, sampleReception(), limits) !== undefined) plain += 1
  }
  t.ok(plain > 500, `${plain} were still plain`)
})
