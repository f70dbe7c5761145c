import type { Message } from '@millrace/service-kit/kafka-consumer'
import { createLogger } from '@millrace/service-kit/log'
import t from 'tap'
import { collect } from '../src/deliveries-consumer.ts'

const config = { batchMaxAgeMs: 60_000, batchMaxBytes: 1_000_000 }
const logger = createLogger('aggregator', 'silent')
const message = (partition: number, offset: number): Message => ({
  topic: 'deliveries',
  partition,
  offset,
  size: 0,
  value: null,
})

/** Answers as told, one call after the other. */
function answering(...answers: (readonly Message[] | Error)[]) {
  return {
    async consume() {
      const answer = answers.shift() ?? []
      if (answer instanceof Error) throw answer
      return answer
    },
  }
}

t.test('what was read before reading fails is landed, and the rest read later', async (t) => {
  const consumer = answering([message(0, 7), message(1, 3)], new Error('broker gone'), [message(0, 8)])
  const taken: Message[] = []
  const take = (it: Message): void => {
    taken.push(it)
  }
  const batch = await collect(consumer, config, logger, take)
  t.same(
    taken.map(({ partition, offset }) => [partition, offset]),
    [
      [0, 7],
      [1, 3],
    ],
  )
  t.same(
    [...batch.next.values()].map(({ partition, offset }) => [partition, offset]),
    [
      [0, 8],
      [1, 4],
    ],
  )
  const next = await collect(consumer, { ...config, batchMaxAgeMs: 0 }, logger, take)
  t.same(
    [...next.next.values()].map(({ offset }) => offset),
    [9],
  )
})

t.test('a failure before anything was read is told', async (t) => {
  await t.rejects(
    collect(answering(new Error('broker gone')), config, logger, () => undefined),
    /broker gone/,
  )
})
