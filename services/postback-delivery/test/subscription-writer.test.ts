import type { KafkaConsumer } from '@millrace/service-kit/kafka-consumer'
import type { TransactionalProducer } from '@millrace/service-kit/kafka-transactional-producer'
import { createLogger } from '@millrace/service-kit/log'
import t from 'tap'
import { createSubscriptionWriter } from '../src/subscription-writer.ts'

const position = { topic: 'events', partition: 0, offset: 7, metadata: '2 partner-a' }
const message = { topic: 'postbacks', value: Buffer.from('x') }

/** Kafka as it answers: each write takes place or not, and says so or not. */
function setUp(
  writes: readonly { takesPlace: boolean; answers: boolean }[],
  told: { evicted?: readonly boolean[]; onListen?: () => void; onCommitted?: () => void } = {},
) {
  const evictions = [...(told.evicted ?? [])]
  const committed = { offset: 6, metadata: '' }
  const states: (string | undefined)[] = []
  let written = 0
  let connects = 0
  const producer: Pick<TransactionalProducer, 'writeAll' | 'stop'> = {
    async writeAll(messages, positions = []) {
      const answer = writes[written]
      written += 1
      const [next] = positions[0]?.offsets ?? []
      t.equal(messages.length, 1)
      if (answer?.takesPlace) Object.assign(committed, { offset: next?.offset, metadata: next?.metadata })
      if (!answer?.answers) throw new Error('no answer')
      return [0]
    },
    stop: async () => undefined,
  }
  const consumer = {
    async committed() {
      told.onCommitted?.()
      return [{ topic: 'events', partition: 0, ...committed }]
    },
    isEvicted: () => evictions.shift() ?? false,
  }
  const writer = createSubscriptionWriter({
    connect: async () => {
      connects += 1
      return producer as TransactionalProducer
    },
    consumer: () => consumer as unknown as KafkaConsumer,
    listen: async () => told.onListen?.(),
    onState: (missing) => states.push(missing),
    metrics: { transactions: { inc: () => undefined } } as never,
    logger: createLogger('test', 'silent'),
  })
  return { writer, states, counts: () => ({ written, connects }) }
}

t.test('a transaction that took place without an answer is not written again', async (t) => {
  const { writer, counts, states } = setUp([{ takesPlace: true, answers: false }])
  t.equal(await writer.write([message], [position], () => true), true)
  t.same(counts(), { written: 1, connects: 2 })
  t.match(states, [/cannot be written/, undefined])
})

t.test('one that did not take place is', async (t) => {
  const { writer, counts } = setUp([
    { takesPlace: false, answers: false },
    { takesPlace: true, answers: true },
  ])
  t.equal(await writer.write([message], [position], () => true), true)
  t.same(counts(), { written: 2, connects: 2 })
})

t.test('between two tries rebalances are heard: what is somebody else’s by then is given up', async (t) => {
  let owned = true
  const onListen = (): void => {
    owned = false
  }
  const { writer, counts, states } = setUp([{ takesPlace: false, answers: false }], { onListen })
  t.equal(await writer.write([message], [position], () => owned), false)
  t.same(counts(), { written: 1, connects: 1 })
  t.match(states, [/cannot be written/, undefined], 'it is not this instance’s trouble any more')
})

t.test('also what becomes somebody else’s while it is asked what became of it', async (t) => {
  let owned = true
  const onCommitted = (): void => {
    owned = false
  }
  const { writer, counts } = setUp([{ takesPlace: false, answers: false }], { onCommitted })
  t.equal(await writer.write([message], [position], () => owned), false)
  t.same(counts(), { written: 1, connects: 2 })
})

t.test('a member that was thrown out writes nothing before it has heard of it', async (t) => {
  let listened = 0
  const { writer, counts } = setUp([{ takesPlace: true, answers: true }], {
    evicted: [true],
    onListen: () => {
      listened += 1
    },
  })
  t.equal(await writer.write([message], [position], () => listened === 0), false)
  t.same({ written: counts().written, listened }, { written: 0, listened: 1 })
})

t.test('once it is to give up, the try under way is the last', async (t) => {
  let tried = false
  const onCommitted = (): void => {
    tried = true
    writer.giveUp()
  }
  const { writer, counts } = setUp([{ takesPlace: false, answers: false }], { onCommitted })
  t.equal(await writer.write([message], [position], () => true), false)
  t.ok(tried)
  t.same(counts(), { written: 1, connects: 2 })
})
