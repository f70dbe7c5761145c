import { Attempt, Outcome } from '@millrace/proto'
import t from 'tap'
import { createRecentEvents } from '../src/recent-events.ts'
import { createSubscriptionBatch, type EventsPartition } from '../src/subscription-batch.ts'
import type { SubscriptionWriter } from '../src/subscription-writer.ts'
import { makeDelivery } from './helper.ts'

function setUp() {
  const clock = { ms: 1_000_000 }
  const writes: Parameters<SubscriptionWriter['write']>[] = []
  const batch = createSubscriptionBatch(
    {
      write: async (...write) => {
        writes.push(write)
        return true
      },
      metrics: { deliveries: { inc: () => undefined }, delaySeconds: { observe: () => undefined } } as never,
      now: () => clock.ms,
    },
    { kafkaTopicPrefix: 'p-' },
  )
  const makePartition = (partition: number): EventsPartition => ({
    ...{ topic: 'p-millrace.events', partition, next: 0, after: undefined, leaving: false },
    recent: createRecentEvents(1),
  })
  const made = (parts: Parameters<typeof makeDelivery>[0] = {}, endpoint = 'a') => ({
    delivery: makeDelivery({ endpoint, ...parts }),
    place: { record: 0, endpoint },
  })
  return { clock, writes, batch, makePartition, made }
}

t.test('deliveries are written with how far their messages are done', async (t) => {
  const { batch, writes, makePartition, made } = setUp()
  const [zero, one] = [makePartition(0), makePartition(1)]
  await batch.add(zero, 5, made())
  batch.end(zero, 5)
  await batch.add(one, 8, made({}, 'b'))
  await batch.flush()
  t.equal(writes.length, 1)
  const [messages, positions] = writes[0] ?? []
  t.match(messages, [{ topic: 'p-millrace.postbacks', key: 'd-1' }, {}])
  t.match(positions, [
    { partition: 0, offset: 6, metadata: '' },
    { partition: 1, offset: 8, metadata: '0 b' },
  ])
  await batch.flush()
  t.equal(writes.length, 1, 'nothing is written twice')
})

t.test('a transaction ends at 5,000 deliveries', async (t) => {
  const { batch, writes, makePartition, made } = setUp()
  const partition = makePartition(0)
  for (let n = 0; n < 5_001; n += 1) await batch.add(partition, 5, made())
  t.equal(writes.length, 1)
  t.equal(writes[0]?.[0].length, 5_000)
})

t.test('positions alone are written once a second', async (t) => {
  const { batch, writes, makePartition, clock } = setUp()
  const partition = makePartition(0)
  batch.end(partition, 5)
  await batch.flush()
  t.equal(writes.length, 0)
  clock.ms += 1_000
  await batch.flush()
  t.match(writes, [[[], [{ offset: 6 }]]])
})

t.test(
  'what belongs to a partition that leaves is left to its next owner, the rest is written',
  async (t) => {
    const { batch, writes, makePartition, made } = setUp()
    const [left, kept] = [makePartition(0), makePartition(0)]
    await batch.add(left, 5, made())
    await batch.add(kept, 3, made({ id: 'd-2' }))
    left.leaving = true
    await batch.flush()
    const [messages, positions, isOwner] = writes[0] ?? []
    t.match(messages, [{ key: 'd-2' }])
    t.equal(messages?.length, 1)
    t.match(positions, [{ offset: 3 }])
    t.equal(isOwner?.(), true)
    kept.leaving = true
    t.equal(isOwner?.(), false)
  },
)

t.test('an event that no message of Kafka takes as a delivery is dead, and says why', async (t) => {
  const { batch, writes, makePartition, made } = setUp()
  await batch.add(makePartition(0), 5, made({ data: `"${'x'.repeat(1_040_000)}"` }))
  await batch.flush()
  const [message] = writes[0]?.[0] ?? []
  t.equal(message?.topic, 'p-millrace.deliveries')
  const record = Attempt.decode(message?.value ?? Buffer.alloc(0))
  t.match(record, { outcome: Outcome.DEAD, errorCode: 'too-large', endpoint: 'a', number: 0 })
})
