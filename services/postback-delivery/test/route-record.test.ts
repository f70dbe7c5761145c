import type { OutgoingMessage } from '@millrace/service-kit/kafka-producer'
import t from 'tap'
import type { AssignedPartition, DeliveryRecord } from '../src/assigned-partition.ts'
import { createRecordRouter } from '../src/route-record.ts'
import { makeDelivery } from './helper.ts'

const appendedMs = 1_700_000_000_000

/** A record of a tier, due so long after it was written there. */
function makeRecord(tierDelayMs: number, dueInMs: number, putOff = 0): DeliveryRecord {
  const partition = { state: 'owned', tierDelayMs } as AssignedPartition
  const delivery = makeDelivery({ notBeforeUs: (appendedMs + dueInMs) * 1_000, putOff })
  return { partition, offset: 1, bytes: 1, appendedMs, delivery }
}

function startRouter(t: { teardown(stop: () => void): void }) {
  const seen = { enqueued: 0, passedOn: [] as OutgoingMessage[], nowMs: appendedMs }
  const router = createRecordRouter(
    {
      enqueue: () => {
        seen.enqueued += 1
      },
      hasRoom: () => true,
      passOn: (_record, message) => seen.passedOn.push(message),
      metrics: { hops: { inc: () => undefined } } as unknown as Parameters<
        typeof createRecordRouter
      >[0]['metrics'],
      now: () => seen.nowMs,
    },
    { kafkaTopicPrefix: '' },
  )
  t.teardown(router.stop)
  return { router, seen }
}

t.test('what is due goes, what is due soon waits in memory', async (t) => {
  const { router, seen } = startRouter(t)
  router.route(makeRecord(1_000, 0))
  t.equal(seen.enqueued, 1)
  router.route(makeRecord(1_000, 900))
  t.equal(router.held(), 1)
  t.same([seen.enqueued, seen.passedOn.length], [1, 0])
})

t.test('a record stays in its tier until the tier’s delay is over, then goes on to the next', async (t) => {
  const { router, seen } = startRouter(t)
  router.route(makeRecord(1_000, 7_000))
  t.equal(router.held(), 1)
  t.same(seen.passedOn, [])
  seen.nowMs += 1_000
  router.route(makeRecord(1_000, 7_000))
  t.match(seen.passedOn, [{ topic: 'millrace.postbacks.retry.5s' }])
})

t.test(
  'what was put off is looked at once its tier’s delay is over, and goes where there is room',
  async (t) => {
    const { router, seen } = startRouter(t)
    router.route(makeRecord(1_000, 4_000, 1))
    t.same([seen.enqueued, router.held()], [0, 1])
    seen.nowMs += 1_000
    router.route(makeRecord(1_000, 4_000, 1))
    t.equal(seen.enqueued, 1)
  },
)
