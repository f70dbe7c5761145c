import { mock } from 'node:test'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { EventBatch } from '@millrace/proto'
import { ServiceError } from '@millrace/service-kit/errors'
import type { OutgoingMessage } from '@millrace/service-kit/kafka-producer'
import { createLogger } from '@millrace/service-kit/log'
import t, { type Test } from 'tap'
import { createEventProducer, type EventProducer, type EventProducerOptions } from '../src/event-producer.ts'

interface Sent {
  readonly message: OutgoingMessage
  readonly confirm: (offset: number) => void
  readonly fail: (error: unknown) => void
}

/** A producer whose messages are confirmed by hand. */
function produce(overrides: Partial<EventProducerOptions> = {}): {
  producer: EventProducer
  sent: Sent[]
  lines: string[]
} {
  const sent: Sent[] = []
  const lines: string[] = []
  const producer = createEventProducer(
    {
      send: (message) => new Promise((confirm, fail) => sent.push({ message, confirm, fail })),
      catalogPosition: () => 42,
      observe: () => undefined,
      logger: createLogger('test', 'error', { write: (line) => lines.push(line) }),
    },
    {
      topic: 'events',
      packMs: 0,
      timeoutMs: 60_000,
      packBytes: 1_000,
      maxUnconfirmedBytes: 10_000,
      maxQueueMs: 60_000,
      ...overrides,
    },
  )
  return { producer, sent, lines }
}

const record = (partition: number, text: string) => ({
  partition,
  bytes: Buffer.concat([Buffer.from([0x0a, text.length + 2, 0x12, text.length]), Buffer.from(text)]),
})
/** The texts that a message holds: each record is an event with nothing but a source. */
const texts = ({ message }: Sent): string[] =>
  EventBatch.decode(message.value).records.map(({ record }) =>
    record?.$case === 'event' ? record.value.source : '?',
  )
const untilSent = async (sent: readonly Sent[], count: number): Promise<void> => {
  while (sent.length < count) await new Promise((resolve) => setImmediate(resolve))
}

t.test('records of concurrent requests share one message per partition, in order', async (t) => {
  const { producer, sent } = produce()
  const appends = [
    producer.append([record(0, 'a'), record(1, 'b'), record(0, 'c')]),
    producer.append([record(0, 'd')]),
    producer.append([record(1, 'e')]),
  ]
  await untilSent(sent, 2)
  t.same(sent.map(texts), [
    ['a', 'c', 'd'],
    ['b', 'e'],
  ])
  t.same(
    sent.map(({ message }) => message.partition),
    [0, 1],
  )
  t.equal(EventBatch.decode(sent[0]?.message.value ?? Buffer.alloc(0)).catalogThrough, 42)
  for (const { confirm } of sent) confirm(0)
  await Promise.all(appends)
  t.equal(sent.length, 2)
  t.equal(producer.unconfirmedBytes(), 0)
})

t.test('a request is confirmed by the last of its messages, not by the first', async (t) => {
  const { producer, sent } = produce()
  let confirmed = false
  const append = producer.append([record(0, 'a'), record(1, 'b')]).then(() => {
    confirmed = true
  })
  await untilSent(sent, 2)
  sent[0]?.confirm(0)
  await new Promise((resolve) => setImmediate(resolve))
  t.equal(confirmed, false)
  sent[1]?.confirm(0)
  await append
})

t.test('a failed message refuses every request that has records in it, and only those', async (t) => {
  const { producer, sent } = produce()
  const both = producer.append([record(0, 'a'), record(1, 'b')])
  const other = producer.append([record(1, 'c')])
  await untilSent(sent, 2)
  sent[0]?.fail(new ServiceError('unavailable', 'timed out'))
  sent[1]?.confirm(0)
  await t.rejects(both, { code: 'unavailable' })
  await t.resolves(other)
  t.equal(producer.unconfirmedBytes(), 0)
})

t.test('a message is closed before it grows too large; a large record travels alone', async (t) => {
  const { producer, sent } = produce({ packBytes: 100 })
  void producer.append([
    record(0, 'x'.repeat(60)),
    record(0, 'y'.repeat(60)),
    record(0, 'z'.repeat(120)),
    record(0, 'w'),
  ])
  await untilSent(sent, 4)
  t.same(
    sent.map(texts).map((list) => list.map((text) => text[0])),
    [['x'], ['y'], ['z'], ['w']],
  )
})

t.test('above the limit of unconfirmed bytes a request is refused as a whole', async (t) => {
  const { producer, sent } = produce({ maxUnconfirmedBytes: 150 })
  const first = producer.append([record(0, 'a'.repeat(100))])
  await t.rejects(producer.append([record(0, 'b'), record(1, 'c'.repeat(100))]), {
    code: 'unavailable',
    retryAfterSeconds: 1,
  })
  await untilSent(sent, 1)
  t.same(sent.map(texts), [['a'.repeat(100)]], 'nothing of it was sent')
  sent[0]?.confirm(0)
  await first
  void producer.append([record(0, 'd'.repeat(120))])
  await untilSent(sent, 2)
})

t.test('a partition whose records wait too long refuses more at once; others take them', async (t) => {
  const { producer, sent } = produce({ maxQueueMs: 1 })
  const stuck = producer.append([record(0, 'a')])
  await untilSent(sent, 1)
  while (producer.queueMs() <= 1) await new Promise((resolve) => setImmediate(resolve))
  const refused = { code: 'unavailable', retryAfterSeconds: 1 }
  await t.rejects(producer.append([record(0, 'b')]), refused)
  await t.rejects(producer.append([record(1, 'c'), record(0, 'd')]), refused)
  const other = producer.append([record(1, 'e')])
  await untilSent(sent, 2)
  t.same(sent.map(texts), [['a'], ['e']], 'nothing of the refused ones was sent')
  for (const { confirm } of sent) confirm(0)
  await Promise.all([stuck, other])
  t.equal(producer.queueMs(), 0)
  const again = producer.append([record(0, 'f')])
  await untilSent(sent, 3)
  sent[2]?.confirm(0)
  await t.resolves(again, 'taken as soon as nothing waits')
})

t.test('an append tells where its messages are', async (t) => {
  const { producer, sent } = produce()
  const append = producer.append([record(3, 'a'), record(1, 'b'), record(3, 'c')])
  await untilSent(sent, 2)
  sent[0]?.confirm(70)
  sent[1]?.confirm(80)
  t.same(await append, [
    { partition: 3, offset: 70 },
    { partition: 1, offset: 80 },
  ])
})

t.test(
  'while a message is unconfirmed the next one of its partition grows, though not for ever',
  async (t) => {
    const { producer, sent } = produce({ packMs: 5 })
    const first = producer.append([record(0, 'a')])
    await untilSent(sent, 1)
    const second = producer.append([record(0, 'b')])
    const third = producer.append([record(0, 'c'), record(1, 'd')])
    await untilSent(sent, 3)
    t.same(
      sent.slice(1).map(texts).toSorted(),
      [['b', 'c'], ['d']],
      'the other partition waits for nothing, this one no longer for the confirmation that does not come',
    )
    for (const { confirm } of sent) confirm(0)
    await Promise.all([first, second, third])
  },
)

/** Time that passes by hand. */
function holdTime(t: Test): (ms: number) => void {
  // Whole, as the timers' is: a rest from subtracting fractions would round a wait up by one.
  let nowMs = 1_000
  mock.timers.enable({ apis: ['setTimeout'] })
  mock.method(performance, 'now', () => nowMs)
  t.teardown(() => {
    mock.timers.reset()
    mock.restoreAll()
  })
  return (ms) => {
    nowMs += ms
    mock.timers.tick(ms)
  }
}

t.test('after a confirmation a pack waits for those who were answered by it', async (t) => {
  const pass = holdTime(t)
  const packMs = 60
  const { producer, sent } = produce({ packMs })
  const first = producer.append([record(0, 'a')])
  pass(packMs)
  t.same(sent.map(texts), [['a']])
  const second = producer.append([record(0, 'b')])
  pass(packMs / 4)
  sent[0]?.confirm(0)
  await first
  pass(packMs - 1)
  const third = producer.append([record(0, 'c')])
  t.equal(sent.length, 1, 'longer than a pack time since it was begun')
  pass(1)
  t.same(sent.slice(1).map(texts), [['b', 'c']], 'a pack time since the confirmation')
  sent[1]?.confirm(1)
  await Promise.all([second, third])
})

t.test('who throws when told keeps nobody else of the message from being told', async (t) => {
  const { producer, sent, lines } = produce()
  const throwing = {
    confirmed: () => {
      throw new Error('confirmed badly')
    },
    failed: () => {
      throw new Error('failed badly')
    },
  }
  producer.appendFor([record(0, 'a')], throwing)
  const confirmed = producer.append([record(0, 'b')])
  await untilSent(sent, 1)
  sent[0]?.confirm(7)
  t.same(await confirmed, [{ partition: 0, offset: 7 }])
  producer.appendFor([record(0, 'c')], throwing)
  const failed = producer.append([record(0, 'd')])
  await untilSent(sent, 2)
  sent[1]?.fail(new ServiceError('unavailable', 'given up'))
  await t.rejects(failed, { code: 'unavailable' })
  await producer.drain()
  t.match(
    lines.map((line) => JSON.parse(line)),
    [{ err: { message: 'confirmed badly' } }, { err: { message: 'failed badly' } }],
  )
})

t.test('whose records are not confirmed in time is told so, once', async (t) => {
  const { producer, sent } = produce({ timeoutMs: 20 })
  // Deadlines alone keep no process going.
  const going = setTimeout(() => undefined, 60_000)
  t.teardown(() => clearTimeout(going))
  const told: unknown[] = []
  const outcome = { confirmed: (at: unknown) => told.push(at), failed: (error: unknown) => told.push(error) }
  producer.appendFor([record(0, 'a'), record(1, 'b')], outcome)
  const append = producer.append([record(0, 'c')])
  await untilSent(sent, 2)
  await t.rejects(append, { code: 'unavailable', message: /^Kafka did not confirm the write in time/ })
  t.match(told, [{ code: 'unavailable' }])
  t.ok(producer.unconfirmedBytes() > 0, 'they are still on their way')
  sent[0]?.confirm(0)
  sent[1]?.fail(new ServiceError('unavailable', 'given up'))
  await producer.drain()
  t.equal(told.length, 1)
  t.equal(producer.unconfirmedBytes(), 0)
})

t.test('draining sends at once and waits for the confirmations', async (t) => {
  const { producer, sent } = produce({ packMs: 3_600_000 })
  const append = producer.append([record(0, 'a')])
  const drained = producer.drain()
  t.equal(sent.length, 1)
  sent[0]?.confirm(0)
  await Promise.all([append, drained])
})

t.test('no records need no confirmation', async (t) => {
  const { producer, sent } = produce()
  await producer.append([])
  t.equal(sent.length, 0)
})

t.test('records are held until they are packed, not until they are confirmed', async (t) => {
  setFlagsFromString('--expose-gc')
  const collectGarbage = runInNewContext('gc') as () => void
  const { producer, sent } = produce()
  let slab: WeakRef<ArrayBufferLike> | undefined
  const append = (() => {
    const { bytes } = record(0, 'a')
    const own = Buffer.from(new Uint8Array(bytes).buffer)
    slab = new WeakRef(own.buffer)
    return producer.append([{ partition: 0, bytes: own }])
  })()
  await untilSent(sent, 1)
  // References of the turn that made them hold until it is over.
  await new Promise((resolve) => setImmediate(resolve))
  collectGarbage()
  t.equal(slab?.deref(), undefined)
  sent[0]?.confirm(0)
  await append
})
