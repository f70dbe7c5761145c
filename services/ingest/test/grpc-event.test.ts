import { CloudEvent } from '@millrace/proto'
import type { Fault } from '@millrace/service-kit/errors'
import t from 'tap'
import { readGrpcEvents } from '../src/grpc-event.ts'
import { receivedAtUs, sampleReception } from './sample-reception.ts'

const empty = CloudEvent.decode(Buffer.alloc(0))
const read = (...events: Partial<CloudEvent>[]) =>
  readGrpcEvents(
    events.map((event) => ({ ...empty, type: 'a', ...event })),
    sampleReception(),
  )

function faults(...events: Partial<CloudEvent>[]): string[] {
  try {
    read(...events)
    return []
  } catch (error) {
    return (error as { faults: readonly Fault[] }).faults.map(({ index, pointer }) => `${index} ${pointer}`)
  }
}

t.test('what is missing is filled in', async (t) => {
  t.match(read({}), [{ id: 'id-1', source: 'web%20shop', type: 'a', occurredAtUs: receivedAtUs }])
})

t.test('times keep their microseconds, extensions their type', async (t) => {
  const [event] = read({
    id: '1',
    source: '/s',
    time: { seconds: 1_700_000_000, nanos: 123_456_789 },
    extensions: { n: { value: { $case: 'integer', value: -1 } }, e: { value: { $case: 'text', value: '' } } },
    data: Buffer.from('{"a":1.10}'),
  })
  t.equal(event?.occurredAtUs, 1_700_000_000_123_456)
  t.same(event?.extensions, {
    n: { value: { $case: 'integer', value: -1 } },
    e: { value: { $case: 'text', value: '' } },
  })
  t.equal(event?.data.toString(), '{"a":1.10}')
})

t.test('faults are named by index and pointer', async (t) => {
  t.same(faults({ type: '' }, {}, { source: 'a b' }), ['0 /type', '2 /source'])
  t.same(faults({ specVersion: '0.3' }), ['0 /specversion'])
  t.same(faults({ data: Buffer.from('{') }), ['0 /data'])
  const deep = '['.repeat(3_000) + ']'.repeat(3_000)
  t.same(faults({}, { data: Buffer.from(deep) }), ['1 /data'], 'nested too deep')
  t.same(faults({ data: Buffer.from('{'), dataContentType: 'application/octet-stream' }), [])
  t.same(faults({ time: { seconds: -1e12, nanos: 0 } }), ['0 /time'])
  t.same(faults({ extensions: { Upper: { value: { $case: 'boolean', value: true } } } }), ['0 /Upper'])
  t.same(faults({ extensions: { type: { value: { $case: 'text', value: 'b' } } } }), ['0 /type'])
  t.same(faults({ extensions: { none: { value: undefined } } }), ['0 /none'])
})
