import type { OutgoingMessage } from '@millrace/service-kit/kafka-producer'
import t from 'tap'
import { guardSend } from '../src/guard-send.ts'

const message: OutgoingMessage = { topic: 'postbacks', value: Buffer.alloc(100) }

t.test('what waits too long refuses more until it is confirmed', async (t) => {
  const confirms: ((offset: number) => void)[] = []
  const guarded = guardSend(
    {
      send: () => new Promise((confirm) => confirms.push(confirm)),
      unconfirmedBytes: () => 100,
      partitions: () => 1,
    },
    { maxQueueMs: 1, maxUnconfirmedBytes: 1_000 },
  )
  t.equal(guarded.overload(100), undefined)
  const sent = guarded.send(message)
  while (guarded.overload(100) === undefined) await new Promise((resolve) => setImmediate(resolve))
  t.match(guarded.overload(100), { code: 'unavailable', retryAfterSeconds: 1 })
  confirms[0]?.(7)
  t.equal(await sent, 7)
  t.equal(guarded.overload(100), undefined)
})

t.test('a failed message waits no longer, and its failure is the sender’s', async (t) => {
  const guarded = guardSend(
    { send: () => Promise.reject(new Error('lost')), unconfirmedBytes: () => 0, partitions: () => 1 },
    { maxQueueMs: 1, maxUnconfirmedBytes: 1_000 },
  )
  await t.rejects(guarded.send(message), { message: 'lost' })
  t.equal(guarded.overload(100), undefined)
})

t.test('above the limit of bytes a request is refused, unless nothing else waits', async (t) => {
  let unconfirmed = 950
  const guarded = guardSend(
    { send: async () => 0, unconfirmedBytes: () => unconfirmed, partitions: () => 1 },
    { maxQueueMs: 1_000, maxUnconfirmedBytes: 1_000 },
  )
  t.match(guarded.overload(51), { code: 'unavailable' })
  t.equal(guarded.overload(50), undefined)
  unconfirmed = 0
  t.equal(guarded.overload(5_000), undefined)
})

t.test('a partition that is slow is passed by, and nothing is refused for its sake', async (t) => {
  const sent: (number | undefined)[] = []
  let stuck: number | undefined
  const guarded = guardSend(
    {
      send: ({ partition }) => {
        sent.push(partition)
        stuck ??= partition
        return partition === stuck ? new Promise(() => undefined) : Promise.resolve(1)
      },
      unconfirmedBytes: () => 100,
      partitions: () => 3,
    },
    { maxQueueMs: 1, maxUnconfirmedBytes: 1_000 },
  )
  const one = { ...message, key: 'dl_1' }
  void guarded.send(one)
  const since = performance.now()
  while (performance.now() - since < 5) await new Promise((resolve) => setImmediate(resolve))
  t.equal(guarded.overload(100), undefined)
  t.equal(await guarded.send(one), 1)
  t.not(sent[1], sent[0])
})
