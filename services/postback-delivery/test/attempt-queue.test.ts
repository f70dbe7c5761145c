import t from 'tap'
import type { AssignedPartition, DeliveryRecord } from '../src/assigned-partition.ts'
import { createAttemptQueue } from '../src/attempt-queue.ts'
import type { Gate } from '../src/breakers.ts'
import { makeDelivery } from './helper.ts'

const makePartition = () => ({ state: 'owned', inFlight: 0 }) as AssignedPartition

interface Limits {
  concurrency: number
  concurrencyPerReceiver: number
  maxWaiting?: number
  ratePerSecond?: number
}

function makeQueue(limits: Limits) {
  const started: { url: string; end: () => Promise<void> }[] = []
  const gate = {
    open: true,
    breaker: 'go' as Gate,
    nowMs: 1_000_000,
    busyShare: 0,
    rooms: [] as number[],
    onStart: (_isProbe: boolean): void => undefined,
  }
  const putOff: { url: string; notBeforeMs: number; reason: string }[] = []
  const queue = createAttemptQueue(
    {
      mayStart: () => gate.open,
      putOff: ({ delivery }, notBeforeMs, reason) =>
        putOff.push({ url: delivery.request?.url ?? '', notBeforeMs, reason }),
      gate: () => gate.breaker,
      busyShare: () => gate.busyShare,
      now: () => gate.nowMs,
      onFinished: () => undefined,
      onRoom: () => gate.rooms.push(gate.nowMs),
      attempt: ({ delivery }, isProbe) => {
        gate.onStart(isProbe)
        const { promise, resolve } = Promise.withResolvers<void>()
        const end = async () => {
          resolve()
          await promise
        }
        started.push({ url: delivery.request?.url ?? '', end })
        return promise
      },
    },
    { maxWaiting: 100_000, maxWaitingBytes: 1_000_000, ...limits },
  )
  const partition = makePartition()
  let offset = 0
  const add = (url: string, to = partition): void => {
    const record: DeliveryRecord = {
      partition: to,
      offset: offset++,
      bytes: 1,
      appendedMs: 0,
      delivery: makeDelivery({ request: { url } }),
    }
    queue.add(record, {
      queueKey: new URL(url).origin,
      concurrency: limits.concurrencyPerReceiver,
      timeoutMs: 10_000,
      ...(limits.ratePerSecond !== undefined && { ratePerSecond: limits.ratePerSecond }),
    })
  }
  return { queue, started, putOff, gate, add, partition }
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

t.test('what a slow receiver has no room for is put off, spread over the time that it takes', async (t) => {
  const { queue, started, putOff, add, gate } = makeQueue({
    concurrency: 10,
    concurrencyPerReceiver: 2,
    maxWaiting: 100,
  })
  add('http://slow/first')
  // Within which it has not answered: 2 requests in 10 s is what it has to take.
  gate.nowMs += 2_000
  for (let index = 0; index < 1_000; index += 1) add(`http://slow/${index}`)
  add('http://healthy/')
  t.equal(started.length, 3, 'its neighbour is not concerned')
  t.notOk(queue.isHeldUp())
  t.equal(queue.waiting(), 50, 'half of the memory stays free')
  t.equal(putOff.length + queue.waiting() + 2, 1_001, 'none is lost')
  const slots = putOff.map(({ notBeforeMs }) => notBeforeMs - gate.nowMs)
  t.same(
    slots,
    slots.toSorted((a, b) => a - b),
  )
  t.ok(slots.every((ms) => ms === 30_000))
})

t.test('a quick receiver that has no room is waited for, until it has, or is quick no more', async (t) => {
  const { queue, started, putOff, add, gate } = makeQueue({
    concurrency: 10,
    concurrencyPerReceiver: 2,
    maxWaiting: 100,
  })
  for (let index = 0; index < 100; index += 1) add(`http://quick/${index}`)
  t.same(putOff, [])
  t.ok(queue.isHeldUp())
  for (let index = 0; index < 80; index += 1) {
    gate.nowMs += 5
    await started[index]?.end()
  }
  t.ok(gate.rooms.length > 0, 'it is told')
  t.notOk(queue.isHeldUp())
  for (let index = 0; index < 100; index += 1) add(`http://quick/${index}`)
  t.ok(queue.isHeldUp())
  gate.nowMs += 3_000
  t.notOk(queue.isHeldUp(), 'it has stopped answering')
  add('http://quick/too-much')
  t.equal(putOff.length, 1)
})

t.test(
  'little is read ahead of a receiver that takes thousands a second, and nothing is put off',
  async (t) => {
    const { queue, started, putOff, add, gate } = makeQueue({ concurrency: 100, concurrencyPerReceiver: 64 })
    const addMany = (count: number): void => {
      for (let index = 0; index < count; index += 1) add(`http://swift/${index}`)
    }
    addMany(64 + 999)
    t.notOk(queue.isHeldUp())
    addMany(200)
    t.ok(queue.isHeldUp())
    let ended = 0
    while (queue.waiting() > 760) {
      if (ended % 4 === 0) gate.nowMs += 1
      await started[ended++]?.end()
    }
    t.ok(queue.isHeldUp(), 'a quarter of it has to be done')
    t.equal(gate.rooms.length, 0)
    while (queue.waiting() > 740) await started[ended++]?.end()
    t.ok(gate.rooms.length > 0, 'it is told')
    t.notOk(queue.isHeldUp())
    addMany(500)
    t.ok(queue.isHeldUp())
    gate.nowMs += 1_500
    t.notOk(queue.isHeldUp(), 'it has become slower: others do not wait for it')
    t.same(putOff, [])
  },
)

t.test('while this process is what is slow, who gets most of what it does is waited for', async (t) => {
  for (const [busyShare, others, held, what] of [
    [1, 0, true, 'nothing would be gained by putting it off'],
    [0.5, 0, false, 'there is time for others: it is the receiver that is slow'],
    [1, 2, false, 'it is slower than the others'],
  ] as const) {
    const { queue, started, add, gate } = makeQueue({ concurrency: 1_000, concurrencyPerReceiver: 64 })
    gate.busyShare = busyShare
    for (let index = 0; index < 64 + 3_000; index += 1) add(`http://mine/${index}`)
    let next = 0
    // A thousand a second, and as many of each of the others.
    for (let ended = 0; ended < 2_000; ended += 1) {
      gate.nowMs += 1
      while (started[next]?.url.startsWith('http://other')) next += 1
      await started[next++]?.end()
      for (let other = 0; other < others; other += 1) {
        add(`http://other${other}/${ended}`)
        await started.at(-1)?.end()
      }
    }
    for (let index = 0; index < 100; index += 1) add(`http://mine/${index}`)
    t.equal(queue.isHeldUp(), held, what)
    queue.stop()
  }
})

t.test('a slow receiver is not waited for, however many wait for it', async (t) => {
  const { queue, putOff, add } = makeQueue({ concurrency: 10, concurrencyPerReceiver: 2 })
  for (let index = 0; index < 5_000; index += 1) add(`http://slow/${index}`)
  t.notOk(queue.isHeldUp())
  t.same(putOff, [])
})

t.test('a quick receiver is not waited for while others have filled the memory', async (t) => {
  const limits = { concurrency: 1_000, concurrencyPerReceiver: 2, maxWaiting: 100, ratePerSecond: 0.001 }
  const { queue, started, putOff, add } = makeQueue(limits)
  for (let index = 0; index < 30; index += 1)
    for (let count = 0; count < 100; count += 1) add(`http://rare${index}/`)
  t.ok(queue.waiting() >= 100)
  limits.ratePerSecond = 100_000
  const before = putOff.length
  for (let index = 0; index < 10; index += 1) add(`http://quick/${index}`)
  t.notOk(queue.isHeldUp(), 'those who wait for days are not waited for')
  t.equal(putOff.length - before, 8)
  for (const { url, end } of started) if (url.startsWith('http://quick/')) await end()
  add('http://quick/next')
  t.equal(started.at(-1)?.url, 'http://quick/next', 'it still gets its turn')
  queue.stop()
})

t.test('many receivers fill the memory together, not beyond, and each still gets its turn', async (t) => {
  const { queue, started, putOff, add, gate } = makeQueue({
    concurrency: 1_000,
    concurrencyPerReceiver: 1,
    maxWaiting: 100,
  })
  for (let index = 0; index < 500; index += 1) add(`http://r${index}/`)
  gate.nowMs += 2_000
  for (let index = 0; index < 4_500; index += 1) add(`http://r${index % 500}/`)
  t.equal(started.length, 500)
  t.ok(queue.waiting() <= 100)
  t.equal(started.length + queue.waiting() + putOff.length, 5_000)
})

t.test('a rate lets requests go evenly', async (t) => {
  const { started, add, gate, queue } = makeQueue({
    concurrency: 100,
    concurrencyPerReceiver: 100,
    ratePerSecond: 10,
  })
  for (let index = 0; index < 50; index += 1) add(`http://limited/${index}`)
  t.equal(started.length, 1)
  gate.nowMs += 99
  queue.recheck('http://limited')
  t.equal(started.length, 1)
  gate.nowMs += 1
  queue.recheck('http://limited')
  t.equal(started.length, 2)
  gate.nowMs += 10_000
  queue.recheck('http://limited')
  t.equal(started.length, 3, 'a pause is not made up for')
  queue.stop()
})

t.test('a rate of one in many years sets no timer that goes off at once', async (t) => {
  const timers = t.capture(globalThis, 'setTimeout')
  const { queue, started, add } = makeQueue({
    concurrency: 10,
    concurrencyPerReceiver: 10,
    ratePerSecond: 1e-9,
  })
  for (let index = 0; index < 3; index += 1) add(`http://rare/${index}`)
  const waits = timers().map(({ args }) => args[1])
  t.equal(started.length, 1)
  t.same(waits, [2 ** 31 - 1])
  queue.stop()
})

t.test('while its breaker is open a receiver is not asked, and what waited comes back later', async (t) => {
  const { queue, started, putOff, add, gate } = makeQueue({ concurrency: 1, concurrencyPerReceiver: 1 })
  for (const url of ['http://a/1', 'http://a/2', 'http://a/3']) add(url)
  gate.breaker = { untilMs: gate.nowMs + 60_000 }
  await started[0]?.end()
  add('http://a/4')
  t.equal(started.length, 1)
  t.same(
    putOff.map(({ url, reason }) => `${url} ${reason}`),
    ['http://a/2 breaker', 'http://a/3 breaker', 'http://a/4 breaker'],
  )
  t.ok(putOff.every(({ notBeforeMs }) => notBeforeMs >= gate.nowMs + 60_000))
  t.equal(queue.waiting(), 0)
})

t.test('while a probe is asked for nothing goes, then one', async (t) => {
  const { queue, started, add, gate } = makeQueue({ concurrency: 10, concurrencyPerReceiver: 5 })
  gate.breaker = 'asking'
  for (const url of ['http://a/1', 'http://a/2', 'http://a/3']) add(url)
  t.equal(started.length, 0)
  gate.breaker = 'probe'
  const asked: boolean[] = []
  gate.onStart = (isProbe) => {
    asked.push(isProbe)
    gate.breaker = 'asking'
  }
  queue.recheck('http://a')
  t.same(asked, [true])
  gate.breaker = 'go'
  queue.recheck('http://a')
  t.same(asked, [true, false])
})

t.test('the oldest records of a crowded partition make room', async (t) => {
  const { queue, putOff, add, partition } = makeQueue({ concurrency: 1, concurrencyPerReceiver: 1 })
  const other = makePartition()
  add('http://busy/')
  add('http://a/0', other)
  for (const url of ['http://a/1', 'http://b/2', 'http://a/3']) add(url)
  queue.relieve(partition, 2)
  t.same(
    putOff.map(({ url, reason }) => `${url} ${reason}`),
    ['http://a/1 crowded', 'http://b/2 crowded'],
  )
  t.equal(queue.waiting(), 2)
})

t.test('receivers that hang leave connections for others', async (t) => {
  const { started, add } = makeQueue({ concurrency: 100, concurrencyPerReceiver: 100 })
  for (const host of ['a', 'b', 'c']) for (let count = 0; count < 200; count += 1) add(`http://${host}/`)
  t.ok(started.length < 100, `${started.length} of 100 hang`)
  add('http://healthy/')
  t.equal(started.at(-1)?.url, 'http://healthy/')
})
