import type { TopicPartitionOffsetAndMetadata } from '@millrace/service-kit/kafka-consumer'
import t from 'tap'
import { createOffsetCommitter } from '../src/offset-committer.ts'

const offset = (partition: number, value: number): TopicPartitionOffsetAndMetadata => ({
  topic: 'events',
  partition,
  offset: value,
})

/** Kafka, which answers when it is told to. */
function createBroker() {
  const calls: { offsets: readonly TopicPartitionOffsetAndMetadata[]; answer: (error?: Error) => void }[] = []
  const commitNow = (offsets: readonly TopicPartitionOffsetAndMetadata[]): Promise<void> =>
    new Promise((resolve, reject) => {
      calls.push({ offsets, answer: (error) => (error === undefined ? resolve() : reject(error)) })
    })
  return { calls, commitNow }
}

t.test('commits that come while one is under way go out together', async (t) => {
  const { calls, commitNow } = createBroker()
  const committer = createOffsetCommitter(commitNow, () => {})
  const { signal } = new AbortController()
  const done = [0, 1, 2].map((partition) => committer.commit(offset(partition, 1), signal))
  t.strictSame(
    calls.map((call) => call.offsets.length),
    [1],
  )
  calls[0]?.answer()
  await done[0]
  t.strictSame(
    calls.map((call) => call.offsets.map(({ partition }) => partition)),
    [[0], [1, 2]],
  )
  calls[1]?.answer()
  await Promise.all(done)
})

t.test('a commit that fails is tried again until Kafka takes it', async (t) => {
  let failures = 0
  let calls = 0
  const committer = createOffsetCommitter(
    async () => {
      calls += 1
      if (calls < 3) throw new Error('no coordinator')
    },
    () => {
      failures += 1
    },
  )
  await committer.commit(offset(0, 1), new AbortController().signal)
  t.strictSame([calls, failures], [3, 2])
})

t.test('what was given up before it went out never goes out', async (t) => {
  const { calls, commitNow } = createBroker()
  const committer = createOffsetCommitter(commitNow, () => {})
  const givenUp = new AbortController()
  const first = committer.commit(offset(0, 1), new AbortController().signal)
  const second = committer.commit(offset(1, 1), givenUp.signal)
  givenUp.abort(new Error('revoked'))
  calls[0]?.answer()
  await first
  await t.rejects(second, /revoked/)
  t.equal(calls.length, 1)
})
