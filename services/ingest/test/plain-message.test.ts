import { CloudEvent, type Event, PublishRequest, PublishStreamRequest } from '@millrace/proto'
import { eventPartition } from '@millrace/proto/event-partition'
import t from 'tap'
import { encodeEventRecord } from '../src/encode-record.ts'
import { readGrpcEvents } from '../src/grpc-event.ts'
import { decodeEvents, type SizedRequest, strictIngestService, wellFormed } from '../src/grpc-requests.ts'
import { readPlainMessage } from '../src/read-plain-events.ts'
import { createRandom, mutate, pick, seedOfRun } from './bad-input/random.ts'
import { sampleReception } from './sample-reception.ts'

const partitions = 7
const limits = { maxEvents: 50, maxEventBytes: 5_000, partitions, isUnchecked: () => true }
const { publish, publishStream } = strictIngestService({ maxBodyBytes: 100_000, maxEvents: 50 })

type Read = SizedRequest<Partial<PublishStreamRequest>>
const readRequest = {
  1: (bytes: Buffer) => wellFormed(publish?.requestDeserialize(bytes) as Read),
  2: (bytes: Buffer) => wellFormed(publishStream?.requestDeserialize(bytes) as Read),
}

const empty = CloudEvent.decode(Buffer.alloc(0))
const good: CloudEvent = {
  ...empty,
  id: 'A234-"1234"',
  source: '/shop/eu',
  specVersion: '1.0',
  type: 'visit.recorded',
  subject: 'customer-1 \\',
  time: { seconds: 1_769_860_800, nanos: 123_456_789 },
  dataContentType: 'application/json',
  data: Buffer.from(' {"path":"/a \\"b\\" ö","list":[1,-2.5e3,null,true,[],{}],"text":"\\u0001"}\n'),
}
const bare: CloudEvent = { ...empty, id: '1', source: 'a', type: 'b' }
const encode = (...events: CloudEvent[]): Buffer => Buffer.from(PublishRequest.encode({ events }).finish())
const encodeStream = (sequence: string, ...events: CloudEvent[]): Buffer =>
  Buffer.from(PublishStreamRequest.encode({ sequence, events }).finish())

/** What the decoder makes of it; undefined when it refuses. */
function readInGeneral(read: () => Event[]): Event[] | undefined {
  try {
    return read()
  } catch {
    return undefined
  }
}

/** What differs between the readers; undefined when nothing does, or the request is not plain. */
function differenceOf(bytes: Buffer, eventsField: 1 | 2): string | undefined {
  let request: Read
  try {
    request = readRequest[eventsField](bytes)
  } catch {
    return undefined
  }
  const { plain, sequence } = request
  const reception = sampleReception()
  const ready = plain && readPlainMessage(plain, reception, limits)
  if (plain === undefined || ready === undefined) return undefined
  if (eventsField === 2 && sequence !== PublishStreamRequest.decode(bytes).sequence) return 'another sequence'
  const events = readInGeneral(() => readGrpcEvents(decodeEvents(plain), reception))
  if (events === undefined) return 'is refused in general'
  if (JSON.stringify(ready.ids) !== JSON.stringify(events.map(({ id }) => id))) return 'other ids'
  for (const [index, event] of events.entries()) {
    const { bytes: record, partition } = ready.records[index] ?? { bytes: Buffer.alloc(0), partition: -1 }
    if (!Buffer.from(encodeEventRecord(event)).equals(record)) return `another record ${index}`
    if (partition !== eventPartition(event, partitions)) return 'another partition'
  }
  return undefined
}

t.test('plain requests of gRPC are read from their bytes as the decoder reads them', async (t) => {
  const extensions = { n: { value: { $case: 'integer' as const, value: 1 } } }
  const requests: [what: string, eventsField: 1 | 2, bytes: Buffer, isPlain: boolean][] = [
    ['one event', 1, encode(good), true],
    ['several', 1, encode(good, bare, { ...good, id: '3', source: 'b' }, good), true],
    ['on a stream', 2, encodeStream('1', good, good), true],
    ['a long sequence', 2, encodeStream('18446744073709551615', good), true],
    ['no sequence', 2, encodeStream('0', good), true],
    ['a time of nothing', 1, encode({ ...bare, time: { seconds: 0, nanos: 0 } }), false],
    ['nanos alone', 1, encode({ ...bare, time: { seconds: 0, nanos: 1_000 } }), true],
    ['data of a number', 1, encode({ ...bare, data: Buffer.from('12') }, bare), true],
    ['no events', 1, encode(), false],
    ['no id', 1, encode({ ...good, id: '' }), false],
    ['an id beyond ASCII', 1, encode({ ...good, id: 'ö' }), false],
    ['another media type', 1, encode({ ...good, dataContentType: 'text/plain' }), false],
    ['a schema', 1, encode({ ...good, dataSchema: 'a:b' }), false],
    ['an extension', 1, encode({ ...good, extensions }), false],
    ['another version', 1, encode({ ...good, specVersion: '0.3' }), false],
    ['a time before 1970', 1, encode({ ...good, time: { seconds: -1, nanos: 0 } }), false],
    ['nanos of a second', 1, encode({ ...good, time: { seconds: 1, nanos: 1_000_000_000 } }), false],
    ['data that is no JSON', 1, encode({ ...good, data: Buffer.from('{') }, bare), false],
    ['data of blanks', 1, encode({ ...good, data: Buffer.from('  ') }, bare), false],
    ['data of two values', 1, encode({ ...good, data: Buffer.from('1 2') }), false],
    ['data that is no UTF-8', 1, encode({ ...good, data: Buffer.from([0x22, 0xff, 0x22]) }), false],
    ['a source that is none', 1, encode({ ...good, source: 'a b' }), false],
    ['too large', 1, encode({ ...good, data: Buffer.from(`"${'x'.repeat(5_000)}"`) }), false],
    ['a field twice', 1, Buffer.from([0x0a, 12, 0x0a, 1, 97, 0x12, 1, 97, 0x22, 1, 97, 0x0a, 1, 98]), false],
  ]
  for (const [what, eventsField, bytes, isPlain] of requests) {
    t.equal(differenceOf(bytes, eventsField), undefined, what)
    const { plain } = readRequest[eventsField](bytes)
    t.equal(
      plain !== undefined && readPlainMessage(plain, sampleReception(), limits) !== undefined,
      isPlain,
      what,
    )
  }
})

t.test('whatever is done to a plain request, both readers agree about it', async (t) => {
  const seed = seedOfRun()
  t.comment(`BAD_INPUT_SEED=${seed}`)
  const random = createRandom(seed)
  const seeds: [eventsField: 1 | 2, bytes: Buffer][] = [
    [1, encode(good)],
    [1, encode(bare, good, bare)],
    [2, encodeStream('7', good)],
    [2, encodeStream('300', bare, good)],
  ]
  let plain = 0
  for (let times = 0; times < 20_000; times += 1) {
    const [eventsField, bytes] = pick(seeds, random)
    const mutated = mutate(bytes, random)
    const difference = differenceOf(mutated, eventsField)
    if (difference !== undefined) t.fail(`${difference}: ${mutated.toString('hex')}`)
    try {
      if (readRequest[eventsField](mutated).plain !== undefined) plain += 1
    } catch {}
  }
  t.ok(plain > 200, `${plain} of them were plain still`)
})
