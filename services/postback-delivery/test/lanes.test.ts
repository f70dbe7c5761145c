import { Delivery } from '@millrace/proto'
import type { KafkaConsumer, Message } from '@millrace/service-kit/kafka-consumer'
import t from 'tap'
import { findCrowded, giveBack, type Lane, release, setPauses, take } from '../src/lanes.ts'
import { createOffsetTracker } from '../src/track-offsets.ts'
import { makeDelivery } from './helper.ts'

const nowMs = 1_700_000_000_000

function makeLane(consumer: Pick<KafkaConsumer, 'seek'>, start = 10): Lane {
  return {
    topic: 'a',
    partition: 0,
    tierDelayMs: 1_000,
    tracker: createOffsetTracker(start),
    consumer: consumer as KafkaConsumer,
    state: 'owned',
    records: 0,
    bytes: 0,
    inFlight: 0,
    ahead: [],
    paused: false,
  }
}

const message = (offset: number, waitMs = Number.NEGATIVE_INFINITY) => {
  const notBeforeUs = Math.max(0, nowMs + waitMs) * 1_000
  const delivery = makeDelivery({ id: `d-${offset}`, notBeforeUs })
  return { offset, timestamp: nowMs, value: Buffer.from(Delivery.encode(delivery).finish()) } as Message
}

/** Offsets of what is handed on at a time. */
function releaseAt(lane: Lane, now: number, limits = { maxRecords: 4_000 }): number[] {
  const released: number[] = []
  const onRecord = ({ offset }: { offset: number }) => {
    released.push(offset)
  }
  release([lane], { onRecord, onUndecodable: onRecord, now: () => now }, limits, 1_000)
  return released
}

const tight = { maxRecords: 4, maxBytes: 1_000_000 }

t.test(
  'after a seek that was given up and happens later, no record is taken twice and none is missed',
  async (t) => {
    const lane = makeLane({ seek: () => Promise.reject(new Error('timed out')) })
    for (const offset of [10, 11, 12]) take(lane, message(offset))
    await t.rejects(giveBack(lane.consumer, [lane], tight), { message: 'timed out' })
    // Now it happens.
    for (const offset of [11, 12, 13]) take(lane, message(offset))
    t.same(releaseAt(lane, nowMs + 5_000), [10, 11, 12, 13])
    // Or only now.
    for (const offset of [11, 12, 13, 14]) take(lane, message(offset))
    t.same(releaseAt(lane, nowMs + 5_000), [14])
  },
)

t.test('after a seek that is never made, what was read is still handed on', async (t) => {
  const lane = makeLane({ seek: () => Promise.reject(new Error('timed out')) })
  for (const offset of [10, 11, 12]) take(lane, message(offset))
  await t.rejects(giveBack(lane.consumer, [lane], tight))
  take(lane, message(13))
  t.same(releaseAt(lane, nowMs + 5_000), [10, 11, 12, 13])
})

t.test('what was given back is taken when it is read again', async (t) => {
  const seeks: number[] = []
  const lane = makeLane({
    seek: async ({ offset }) => {
      seeks.push(offset)
    },
  })
  for (const offset of [10, 12, 15]) take(lane, message(offset))
  await giveBack(lane.consumer, [lane], tight)
  t.same(seeks, [12])
  t.same(releaseAt(lane, nowMs + 5_000), [10])
  for (const offset of [12, 15]) take(lane, message(offset))
  t.same(releaseAt(lane, nowMs + 5_000), [12, 15])
})

t.test('what lies before the committed offset is not taken', (t) => {
  const lane = makeLane({ seek: () => Promise.resolve() }, 20)
  take(lane, message(19))
  take(lane, message(20))
  t.same(releaseAt(lane, nowMs + 5_000), [20])
  t.end()
})

t.test('what a former owner could hardly tell of is read again all the same', async (t) => {
  const paused: unknown[] = []
  const consumer = { pause: (partitions: unknown[]) => paused.push(...partitions) }
  const unfinished = Array.from({ length: 2_900 }, (_, index) => 10 + index * 2)
  const end = 10 + 2_900 * 2
  const lane = {
    ...makeLane({ seek: async () => undefined }),
    tracker: createOffsetTracker(10, { end, unfinished }),
  }
  setPauses(consumer as unknown as KafkaConsumer, [lane], false)
  t.same(paused, [])
  for (const offset of [...unfinished, end]) lane.tracker.begin(offset)
  t.same(findCrowded([lane]), [lane])
  setPauses(consumer as unknown as KafkaConsumer, [lane], false)
  t.same(paused, [{ topic: 'a', partition: 0 }], 'but nothing behind it')
})

t.test('in the smallest tier a record goes past those that wait for longer, as long as few do', (t) => {
  const lane = makeLane({ seek: () => Promise.resolve() })
  for (let offset = 10; offset < 2_010; offset += 1) take(lane, message(offset, 3_000))
  take(lane, message(2_010, 100))
  t.equal(releaseAt(lane, nowMs + 50).length, 1_000)
  t.equal(lane.tracker.lowWatermark(), 10, 'none of them is finished')
  t.equal(releaseAt(lane, nowMs + 60).length, 0)
  lane.records -= 1
  t.same(releaseAt(lane, nowMs + 70), [1_010])
  t.equal(releaseAt(lane, nowMs + 1_000).length, 1_000, 'the delay is over for all of them')
  t.end()
})

t.test('of all that may be under way no more than half waits in memory', (t) => {
  const lane = makeLane({ seek: () => Promise.resolve() })
  for (let offset = 10; offset < 30; offset += 1) take(lane, message(offset, 3_000))
  t.equal(releaseAt(lane, nowMs + 50, { maxRecords: 8 }).length, 4)
  t.end()
})

t.test('in a larger tier all wait for the head', (t) => {
  const lane = { ...makeLane({ seek: () => Promise.resolve() }), tierDelayMs: 5_000 }
  take(lane, message(10, 9_000))
  take(lane, message(11, 9_000))
  t.same(releaseAt(lane, nowMs + 4_999), [])
  t.same(releaseAt(lane, nowMs + 5_000), [10, 11])
  t.end()
})
