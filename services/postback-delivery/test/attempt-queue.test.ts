import t from 'tap'
import type { AssignedPartition, DeliveryRecord } from '../src/assigned-partition.ts'
import { createAttemptQueue } from '../src/attempt-queue.ts'
import { makeDelivery } from './helper.ts'

const makePartition = () => ({ state: 'owned', inFlight: 0 }) as AssignedPartition

function makeQueue(limits: { concurrency: number; concurrencyPerReceiver: number }) {
  const started: { url: string; end: () => Promise<void> }[] = []
  const gate = { open: true }
  const queue = createAttemptQueue(
    {
      mayStart: () => gate.open,
      onFinished: () => undefined,
      attempt: ({ delivery }) => {
        const { promise, resolve } = Promise.withResolvers<void>()
        const end = async () => {
          resolve()
          await promise
        }
        started.push({ url: delivery.request?.url ?? '', end })
        return promise
      },
    },
    limits,
  )
  const partition = makePartition()
  const add = (url: string, to = partition): void => {
    const record: DeliveryRecord = {
      partition: to,
      offset: 0,
      bytes: 1,
      appendedMs: 0,
      delivery: makeDelivery({ request: { url } }),
    }
    queue.add(record, {
      queueKey: new URL(url).origin,
      concurrency: limits.concurrencyPerReceiver,
    })
  }
  return { queue, started, gate, add, partition }
}

t.test('a slow origin takes its own connections and no others', async (t) => {
  const { queue, started, add } = makeQueue({ concurrency: 10, concurrencyPerReceiver: 2 })
  for (let count = 0; count < 100; count += 1) add('http://slow.example/a')
  add('http://healthy.example/b')
  t.same(
    started.map(({ url }) => url),
    ['http://slow.example/a', 'http://slow.example/a', 'http://healthy.example/b'],
  )
  t.equal(queue.inFlight(), 3)
  t.equal(queue.waiting(), 98)
})

t.test('origins take turns when there are more than connections', async (t) => {
  const { started, add } = makeQueue({ concurrency: 1, concurrencyPerReceiver: 1 })
  for (const url of ['http://a/1', 'http://a/2', 'http://a/3', 'http://b/1', 'http://c/1']) add(url)
  for (let index = 0; index < 4; index += 1) await started[index]?.end()
  t.same(
    started.map(({ url }) => url),
    ['http://a/1', 'http://b/1', 'http://c/1', 'http://a/2', 'http://a/3'],
  )
})

t.test('origins are the same whatever the case, the path and the macros', async (t) => {
  const { started, add } = makeQueue({ concurrency: 10, concurrencyPerReceiver: 1 })
  for (const url of [
    'http://A.example/x',
    'HTTP://a.example/y?{z}',
    'http://a.example:81/',
    'https://a.example/',
  ]) {
    add(url)
  }
  t.equal(started.length, 3)
})

t.test('nothing starts while too much is not written down', async (t) => {
  const { queue, started, gate, add } = makeQueue({ concurrency: 10, concurrencyPerReceiver: 10 })
  gate.open = false
  add('http://a/1')
  t.equal(started.length, 0)
  gate.open = true
  queue.pump()
  t.equal(started.length, 1)
})

t.test('records of a partition that has left are dropped unsent', async (t) => {
  const { queue, started, add } = makeQueue({ concurrency: 1, concurrencyPerReceiver: 1 })
  const leaving = makePartition()
  add('http://a/1')
  add('http://a/2', leaving)
  add('http://a/3')
  leaving.state = 'leaving'
  await started[0]?.end()
  t.same(
    started.map(({ url }) => url),
    ['http://a/1', 'http://a/3'],
  )
  t.equal(queue.waiting(), 0)
})

t.test('many records for one origin go out in order, all of them', async (t) => {
  const { queue, started, add } = makeQueue({ concurrency: 3, concurrencyPerReceiver: 3 })
  for (let index = 0; index < 1_000; index += 1) add(`http://a/${index}`)
  for (let index = 0; index < 1_000; index += 1) await started[index]?.end()
  t.same(
    started.map(({ url }) => url),
    Array.from({ length: 1_000 }, (_, index) => `http://a/${index}`),
  )
  t.equal(queue.inFlight(), 0)
  t.equal(queue.waiting(), 0)
})

t.test('after a stop nothing starts', async (t) => {
  const { queue, started, add } = makeQueue({ concurrency: 1, concurrencyPerReceiver: 1 })
  queue.stop()
  add('http://a/1')
  t.equal(started.length, 0)
})
