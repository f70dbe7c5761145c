import type { OutgoingMessage } from '@millrace/service-kit/kafka-producer'
import t from 'tap'
import type { AssignedPartition, DeliveryRecord } from '../src/assigned-partition.ts'
import { createRecordPlacer, homePartition } from '../src/place-record.ts'
import type { QueuePlace } from '../src/receiver-queue.ts'
import type { Target } from '../src/resolve-target.ts'
import { makeDelivery } from './helper.ts'

function place(
  { concurrency, ratePerSecond }: { concurrency: number; ratePerSecond?: number },
  instances: { count: number; share: number },
  at: { topic: string; partition: number },
  endpoint = 'e',
) {
  const queued: QueuePlace[] = []
  const passedOn: OutgoingMessage[] = []
  const target = {
    kind: 'send',
    queueKey: 'q',
    timeoutMs: 1,
    concurrency,
    ratePerSecond,
  } as unknown as Target
  const placer = createRecordPlacer(
    {
      queue: { add: (_record, where) => queued.push(where), hasRoomFor: () => true },
      resolve: () => target,
      conclude: () => t.fail('there is a target'),
      passOn: (_record, message) => passedOn.push(message),
      instances: () => ({ count: () => instances.count, share: () => instances.share }),
      homes: () => 8,
    },
    { kafkaTopicPrefix: 'x-' },
  )
  placer.place({ partition: at as AssignedPartition, delivery: makeDelivery({ endpoint }) } as DeliveryRecord)
  return { queued, passedOn }
}

const home = { topic: 'x-millrace.postbacks', partition: homePartition('q', 8) }
const elsewhere = { topic: 'x-millrace.postbacks', partition: (home.partition + 1) % 8 }

t.test('what an endpoint takes is shared out between the instances', async (t) => {
  const { queued } = place({ concurrency: 10, ratePerSecond: 9 }, { count: 3, share: 1 / 3 }, elsewhere)
  t.match(queued, [{ concurrency: 3, ratePerSecond: 3 }])
})

t.test('one after the other: a single instance sends, the one that reads its home', async (t) => {
  const limits = { concurrency: 1, ratePerSecond: 9 }
  t.match(place(limits, { count: 2, share: 0.5 }, home).queued, [{ concurrency: 1, ratePerSecond: 9 }])
  for (const at of [elsewhere, { topic: 'x-millrace.postbacks.retry.1s', partition: home.partition }]) {
    const { queued, passedOn } = place(limits, { count: 2, share: 0.5 }, at)
    t.same(queued, [])
    t.match(passedOn, [home])
  }
  t.equal(place(limits, { count: 1, share: 1 }, elsewhere).queued.length, 1, 'alone it sends all of them')
})

t.test('an origin of postbacks has its limits in each instance', async (t) => {
  const { queued } = place({ concurrency: 1 }, { count: 2, share: 0.5 }, elsewhere, '')
  t.match(queued, [{ concurrency: 1 }])
})

t.test('homes are spread evenly', async (t) => {
  const counts = new Array<number>(8).fill(0)
  for (let index = 0; index < 8_000; index += 1) {
    const partition = homePartition(`tenant/endpoint/e-${index}`, 8)
    counts[partition] = (counts[partition] ?? 0) + 1
  }
  t.ok(Math.max(...counts) < 1_200 && Math.min(...counts) > 800, counts.join(' '))
})
