import type { LibrdKafkaError } from '@confluentinc/kafka-javascript'
import t, { type Test } from 'tap'
import { readConfig } from '../src/config.ts'
import { createHungCalls } from '../src/hung-calls.ts'
import type { TransactionalClient } from '../src/kafka-transactional-client.ts'
import {
  type ConsumerPosition,
  connectTransactionalProducer,
  LostProducerError,
} from '../src/kafka-transactional-producer.ts'
import { createLogger } from '../src/log.ts'
import { kafkaSettings } from '../src/shared-settings.ts'

const position: ConsumerPosition = {
  consumer: { isEvicted: () => false } as ConsumerPosition['consumer'],
  offsets: [{ topic: 'events', partition: 0, offset: 7, metadata: '' }],
}

type Done = (error?: LibrdKafkaError | null) => void

/** A client that answers every call at once but the one named `hanging`, which `answer` lets return. */
function createSample(hanging: string) {
  const calls: string[] = []
  const late: Done[] = []
  const called =
    (name: string) =>
    (...parameters: unknown[]): undefined => {
      calls.push(name)
      const done = parameters.at(-1) as Done
      if (name === hanging) late.push(done)
      else done()
    }
  const names = [
    'connect',
    'disconnect',
    'initTransactions',
    'beginTransaction',
    'sendOffsetsToTransaction',
    'commitTransaction',
    'abortTransaction',
  ]
  const client = {
    ...Object.fromEntries(names.map((name) => [name, called(name)])),
    setPollInBackground: () => undefined,
    produce: () => calls.push('produce'),
  } as unknown as TransactionalClient
  const hungCalls = createHungCalls(() => {})
  const answer = (error?: unknown): void => {
    for (const done of late.splice(0)) done(error as LibrdKafkaError)
  }
  const connect = () =>
    connectTransactionalProducer(
      readConfig(kafkaSettings, {}),
      { clientId: 'test', transactionalId: 'test', timeoutMs: 5 },
      createLogger('test', 'silent'),
      { createClient: () => client, hungCalls },
    )
  return { calls, hungCalls, connect, answer }
}

const nextTurn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve))

const opened = ['connect', 'initTransactions']

/** What is called of the client, also when the hung call has returned, and nothing of it in between. */
async function checkAbandoned(t: Test, sample: ReturnType<typeof createSample>, called: string[]) {
  await nextTurn()
  t.strictSame(sample.calls, called, 'nothing is asked of a client that hangs, not even to close')
  t.equal(sample.hungCalls.underWay(), 1)
  sample.answer()
  await nextTurn()
  t.equal(sample.hungCalls.underWay(), 0)
  t.strictSame(sample.calls, [...called, 'disconnect'], 'it goes no further, and is closed')
}

for (const [hanging, called] of [
  ['beginTransaction', [...opened, 'beginTransaction']],
  ['sendOffsetsToTransaction', [...opened, 'beginTransaction', 'sendOffsetsToTransaction']],
  ['commitTransaction', [...opened, 'beginTransaction', 'sendOffsetsToTransaction', 'commitTransaction']],
] as const) {
  t.test(`a commit whose ${hanging} never returns is given up with its producer`, async (t) => {
    const sample = createSample(hanging)
    const producer = await sample.connect()
    const error = await producer.commitOffsets(position).catch((cause: unknown) => cause)
    t.ok(error instanceof LostProducerError && !error.fenced)
    await t.rejects(producer.commitOffsets(position), { message: 'the producer is broken' })
    await producer.stop()
    await producer.stop()
    await checkAbandoned(t, sample, [...called])
  })
}

t.test('a write whose commit never returns is given up, its messages without reports too', async (t) => {
  const sample = createSample('commitTransaction')
  const producer = await sample.connect()
  const message = { topic: 'deliveries', key: 'a', value: Buffer.from('b') }
  await t.rejects(producer.writeAll([message], [position]), { name: 'HungCallError' })
  await producer.stop()
  const called = ['beginTransaction', 'produce', 'sendOffsetsToTransaction', 'commitTransaction']
  await checkAbandoned(t, sample, [...opened, ...called])
})

t.test('of a member that its group has gone on without no offset is sent', async (t) => {
  const sample = createSample('nothing')
  const producer = await sample.connect()
  const consumer = { isEvicted: () => true } as ConsumerPosition['consumer']
  const message = { topic: 'deliveries', key: 'a', value: Buffer.from('b') }
  const written = producer.writeAll([message], [{ ...position, consumer }])
  await t.rejects(written, { message: 'the group has gone on without this member' })
  t.strictSame(sample.calls, [...opened, 'beginTransaction', 'produce'])
})

t.test('a producer that cannot fence the others in time is none', async (t) => {
  const sample = createSample('initTransactions')
  await t.rejects(sample.connect(), { name: 'HungCallError' })
  await checkAbandoned(t, sample, opened)
})

t.test('a client that hangs while it connects is closed when it is connected after all', async (t) => {
  const sample = createSample('connect')
  await t.rejects(sample.connect(), { name: 'HungCallError' })
  await checkAbandoned(t, sample, ['connect'])
})

t.test('a client that hangs while it connects and then cannot has closed itself', async (t) => {
  const sample = createSample('connect')
  await t.rejects(sample.connect(), { name: 'HungCallError' })
  sample.answer(new Error('no broker'))
  await nextTurn()
  t.strictSame(sample.calls, ['connect'])
})
