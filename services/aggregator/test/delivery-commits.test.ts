import type { KafkaConsumer } from '@millrace/service-kit/kafka-consumer'
import type { TransactionalProducer } from '@millrace/service-kit/kafka-transactional-producer'
import { createLogger } from '@millrace/service-kit/log'
import t from 'tap'
import { createDeliveryCommits } from '../src/delivery-commits.ts'

const logger = createLogger('test', 'silent')

/** A consumer that loses its partitions as soon as it reads, and a producer whose commits Kafka refuses. */
function setUp() {
  const state = { owned: true, sent: [] as number[], evicted: false }
  const consumer = {
    consume: async () => {
      state.owned = false
      return []
    },
    isEvicted: () => state.evicted,
  } as unknown as KafkaConsumer
  const producer = {
    commitOffsets: async ({
      offsets,
      requireHeld,
    }: Parameters<TransactionalProducer['commitOffsets']>[0]) => {
      requireHeld?.()
      state.sent.push(...offsets.map(({ offset }) => offset))
      throw new Error('Kafka refused it')
    },
    stop: async () => undefined,
  } as unknown as TransactionalProducer
  const put = (): undefined => undefined
  const commits = createDeliveryCommits({ connect: async () => producer, consumer, put, logger })
  const read = (offset: number) => () => (state.owned ? [{ topic: 'd', partition: 0, offset }] : [])
  return { state, commits, read }
}

t.test(
  'a commit in turn behind a refused one sends nothing of partitions that are gone by then',
  async (t) => {
    const { state, commits, read } = setUp()
    const [first, second] = [commits.commit(read(1)), commits.commit(read(2))]
    await t.rejects(first, /refused/)
    await second
    t.same(state.sent, [1])
  },
)

t.test('a member that its group has gone on without sends nothing', async (t) => {
  const { state, commits, read } = setUp()
  state.evicted = true
  await t.rejects(commits.commit(read(1)), /without this member/)
  t.same(state.sent, [])
})
