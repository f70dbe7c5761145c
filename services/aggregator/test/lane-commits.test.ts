import type { KafkaConsumer } from '@millrace/service-kit/kafka-consumer'
import { LostProducerError } from '@millrace/service-kit/kafka-transactional-producer'
import t from 'tap'
import { createFlushSlots } from '../src/flush-slots.ts'
import { createLaneCommits } from '../src/lane-commits.ts'

const offset = { topic: 'events', partition: 3, offset: 7, metadata: '' }

/** Commits whose producer answers as it is told, one answer after another. */
function start(answers: (() => Promise<void>)[], onLost: () => void = () => {}) {
  const seen = { commits: 0, retries: 0, stopped: false }
  const commits = createLaneCommits({
    producer: {
      writeAll: async () => [],
      commitOffsets: async () => {
        seen.commits += 1
        await answers.shift()?.()
      },
      stop: async () => {
        seen.stopped = true
      },
    },
    consumer: {} as Pick<KafkaConsumer, 'client'>,
    slots: createFlushSlots(1),
    onRetry: () => {
      seen.retries += 1
    },
    onLost,
  })
  return { commits, seen }
}

const refuse = async (): Promise<void> => {
  throw new Error('no coordinator')
}

t.test('a commit is tried again until Kafka takes it', async (t) => {
  const { commits, seen } = start([refuse, refuse])
  await commits.commit(offset, new AbortController().signal)
  t.strictSame(seen, { commits: 3, retries: 2, stopped: false })
})

t.test('a lost producer is told once, and nothing is tried with it again', async (t) => {
  const lane = new AbortController()
  const fenced = async (): Promise<void> => {
    throw new LostProducerError(Object.assign(new Error('fenced'), { code: -144 }) as never)
  }
  let lost = 0
  const { commits, seen } = start([fenced], () => {
    lost += 1
    lane.abort(new Error('given up'))
  })
  await t.rejects(commits.commit(offset, lane.signal), { message: 'given up' })
  await t.rejects(commits.commit(offset, lane.signal), { message: 'given up' })
  t.equal(lost, 1)
  t.equal(seen.commits, 1)
})

t.test(
  'a lane that is given up does not wait for Kafka, and tells its producer to ask no more at once',
  async (t) => {
    const lane = new AbortController()
    const kafka = Promise.withResolvers<void>()
    const { commits, seen } = start([() => kafka.promise])
    const committed = commits.commit(offset, lane.signal)
    lane.abort(new Error('given up'))
    await t.rejects(committed, { message: 'given up' })
    const stopped = commits.stop()
    t.equal(seen.stopped, true, 'while Kafka is down, the commit ends only by that')
    kafka.resolve()
    await stopped
  },
)
