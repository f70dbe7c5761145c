import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { type Event, EventRecord } from '@millrace/proto'
import { eventPartition } from '@millrace/proto/event-partition'
import t from 'tap'
import { type AcceptEventsDeps, createAcceptEvents } from '../src/accept-events.ts'
import type { EventProducer, PartitionedRecord } from '../src/event-producer.ts'
import { readEvent } from '../src/read-event.ts'
import { sampleReception } from './sample-reception.ts'

const event = (id: string, data = ''): Event => ({
  ...readEvent({ type: 'a', source: '/s', id }, sampleReception(), () => undefined),
  data: Buffer.from(data),
})

function acceptInto(appended: PartitionedRecord[][], deps: Partial<AcceptEventsDeps> = {}) {
  const producer: Pick<EventProducer, 'append'> = {
    append: async (records) => {
      appended.push([...records])
      return []
    },
  }
  return createAcceptEvents(
    { log: () => ({ producer, partitions: 4 }), checkEvent: () => undefined, ...deps },
    { maxEventBytes: 1_000 },
  )
}

t.test('events go to the partition that their names give, and their ids are answered in order', async (t) => {
  const appended: PartitionedRecord[][] = []
  const events = Array.from({ length: 20 }, (_, n) => event(`${n}`, `{"n":${n}}`))
  const accepted = await acceptInto(appended)(events)
  t.same(
    accepted.ids,
    events.map(({ id }) => id),
  )
  t.equal(appended.length, 1)
  t.same(
    appended[0]?.map(({ partition }) => partition),
    events.map((it) => eventPartition(it, 4)),
  )
  t.same(
    appended[0]?.map(({ bytes }) => EventRecord.decode(bytes)),
    events.map((value) => ({ record: { $case: 'event', value } })),
  )
})

t.test('without Kafka nothing is accepted', async (t) => {
  await t.rejects(acceptInto([], { log: () => undefined })([event('1')]), {
    code: 'unavailable',
    retryAfterSeconds: 1,
  })
})

t.test('one event that is too large refuses all of them', async (t) => {
  const appended: PartitionedRecord[][] = []
  await t.rejects(acceptInto(appended)([event('1'), event('2', 'x'.repeat(1_000))]), {
    code: 'too-large',
    faults: [{ index: 1, pointer: '' }],
  })
  t.same(appended, [])
})

t.test('data that does not fit its type’s schema refuses all of them, each named', async (t) => {
  const appended: PartitionedRecord[][] = []
  const checkEvent = ({ id }: Event) => (id === '1' ? undefined : { pointer: '/data/x', detail: 'is wrong' })
  await t.rejects(acceptInto(appended, { checkEvent })([event('1'), event('2'), event('3')]), {
    code: 'invalid-request',
    faults: [
      { index: 1, pointer: '/data/x', detail: 'is wrong' },
      { index: 2, pointer: '/data/x', detail: 'is wrong' },
    ],
  })
  t.same(appended, [])
})

t.test('what waits for Kafka holds no records', async (t) => {
  setFlagsFromString('--expose-gc')
  const collectGarbage = runInNewContext('gc') as () => void
  let records: WeakRef<object> | undefined
  let confirm = (): void => undefined
  const append: EventProducer['append'] = (appended) => {
    records = new WeakRef(appended)
    return new Promise((resolve) => {
      confirm = () => resolve([])
    })
  }
  const accepted = acceptInto([], { log: () => ({ producer: { append }, partitions: 4 }) })([event('1')])
  await new Promise((resolve) => setImmediate(resolve))
  collectGarbage()
  t.equal(records?.deref(), undefined)
  confirm()
  await accepted
})
