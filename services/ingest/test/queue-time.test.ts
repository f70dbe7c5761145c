import t from 'tap'
import { createQueueTime, type QueueTime, type Waiting } from '../src/queue-time.ts'

/** A queue whose clock is set by hand. */
function queueAt(calmMs = 500, memoryMs = 2_000) {
  const clock = { ms: 1_000_000 }
  const queue = createQueueTime({ calmMs, memoryMs, now: () => clock.ms })
  return { clock, queue }
}

/** Hands over `offered` bytes a millisecond while `confirmed` bytes a millisecond are confirmed, in order. */
function run(
  { clock, queue }: { clock: { ms: number }; queue: QueueTime },
  waiting: Waiting[],
  forMs: number,
  rates: { offered: number; confirmed: number },
): void {
  let credit = 0
  for (let ms = 0; ms < forMs; ms += 10) {
    if (rates.offered > 0) waiting.push(queue.enter(rates.offered * 10))
    clock.ms += 10
    credit += rates.confirmed * 10
    for (let head = waiting[0]; head !== undefined && head.bytes <= credit; head = waiting[0]) {
      credit -= head.bytes
      queue.leave(head, true)
      waiting.shift()
    }
  }
}

t.test('nothing that waits means no wait, whatever happened before', async (t) => {
  const { clock, queue } = queueAt()
  t.equal(queue.expectedMs(), 0)
  const stuck = queue.enter(1_000)
  clock.ms += 60_000
  t.equal(queue.expectedMs(), 60_000)
  queue.leave(stuck, true)
  t.equal(queue.expectedMs(), 0)
})

t.test('while nothing was ever confirmed the age of the oldest message is all that is known', async (t) => {
  const { clock, queue } = queueAt()
  const first = queue.enter(10)
  clock.ms += 700
  queue.enter(1_000_000)
  clock.ms += 300
  t.equal(queue.expectedMs(), 1_000)
  queue.leave(first, false)
  t.equal(queue.expectedMs(), 300, 'one that was given up makes the next the oldest')
})

t.test('a burst after little traffic is not taken for a queue', async (t) => {
  const at = queueAt()
  for (let n = 0; n < 100; n += 1) {
    run(at, [], 10, { offered: 10, confirmed: 10 })
    at.clock.ms += 1_000
  }
  at.queue.enter(10_000_000)
  at.clock.ms += 900
  t.equal(at.queue.expectedMs(), 900)
})

t.test(
  'under more than Kafka takes the next message’s wait is foreseen long before the oldest has waited it',
  async (t) => {
    const at = queueAt()
    const waiting: Waiting[] = []
    run(at, waiting, 5_000, { offered: 1_000, confirmed: 1_000 })
    t.ok(at.queue.expectedMs() < 50)
    run(at, waiting, 1_000, { offered: 10_000, confirmed: 1_000 })
    const bytes = waiting.reduce((sum, it) => sum + it.bytes, 0)
    const ageMs = at.clock.ms - (waiting[0]?.sinceMs ?? 0)
    t.ok(ageMs < 1_500)
    const expected = at.queue.expectedMs()
    t.ok(Math.abs(expected - bytes / 1_000) < 0.1 * expected, `${expected} for ${bytes} bytes at 1,000 a ms`)
  },
)

t.test(
  'a long way to Kafka is not taken for a queue: its first confirmations tell nothing of what follows',
  async (t) => {
    const { clock, queue } = queueAt()
    const first = queue.enter(1_000)
    const second = queue.enter(500_000)
    clock.ms += 900
    queue.leave(first, true)
    t.equal(queue.expectedMs(), 900)
    queue.leave(second, true)
    queue.enter(500_000)
    clock.ms += 900
    t.equal(queue.expectedMs(), 900)
  },
)

t.test(
  'a stall of an otherwise quick Kafka counts as the time it lasts, not at once as for ever',
  async (t) => {
    const at = queueAt()
    const waiting: Waiting[] = []
    run(at, waiting, 5_000, { offered: 5_000, confirmed: 5_000 })
    run(at, waiting, 600, { offered: 5_000, confirmed: 0 })
    t.ok(at.queue.expectedMs() < 1_000, `${at.queue.expectedMs()} ms`)
    run(at, waiting, 2_000, { offered: 5_000, confirmed: 0 })
    t.ok(at.queue.expectedMs() >= 2_600, `${at.queue.expectedMs()} ms`)
    run(at, waiting, 400, { offered: 0, confirmed: 50_000 })
    t.equal(at.queue.expectedMs(), 0, 'forgotten as soon as it is over')
  },
)
