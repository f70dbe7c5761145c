import type { Message } from '@millrace/service-kit/kafka-consumer'
import t from 'tap'
import { collect } from '../src/deliveries-consumer.ts'
import { createDeliveryInbox, type DeliveryInbox } from '../src/delivery-inbox.ts'

const config = { batchMaxAgeMs: 60_000, batchMaxBytes: 1_000_000 }
const topic = 'deliveries'
const message = (partition: number, offset: number): Message => ({
  topic,
  partition,
  offset,
  size: 10,
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

function assigned(...partitions: readonly number[]): DeliveryInbox {
  const inbox = createDeliveryInbox()
  for (const partition of partitions) inbox.assign({ topic, partition }, undefined)
  return inbox
}

const rangesOf = (inbox: DeliveryInbox) =>
  inbox.take().map(({ partition, from, to }) => [partition, from, to])

t.test('what was read before reading fails stays, and is landed with the next', async (t) => {
  const inbox = assigned(0, 1)
  const consumer = answering([message(0, 7), message(1, 3)], new Error('broker gone'), [message(0, 8)])
  await t.rejects(collect(consumer, inbox, config), /broker gone/)
  await collect(consumer, inbox, { ...config, batchMaxAgeMs: 0 })
  t.strictSame(rangesOf(inbox), [
    [0, 7, 8],
    [1, 3, 3],
  ])
  t.strictSame(rangesOf(inbox), [], 'once')
})

t.test('a range that a former owner wrote down comes out as it was, when it is complete', (t) => {
  const inbox = createDeliveryInbox()
  inbox.assign({ topic, partition: 0 }, { from: 5, to: 8 })
  inbox.put(message(0, 5))
  inbox.put(message(0, 7))
  t.strictSame(rangesOf(inbox), [])
  // 8 was the end of a transaction, or has gone from Kafka since.
  for (const offset of [9, 10]) inbox.put(message(0, offset))
  t.match(inbox.take(), [{ from: 5, to: 8, inherited: true }])
  t.match(inbox.take(), [{ from: 9, to: 10, inherited: false }])
  t.end()
})

t.test('nothing of a partition that was given up is landed or committed', (t) => {
  const inbox = assigned(0, 1)
  inbox.put(message(0, 5))
  inbox.put(message(1, 6))
  const [first, second] = inbox.take()
  if (first === undefined || second === undefined) throw new Error('no batches')
  inbox.put(message(0, 6))
  inbox.revoke({ topic, partition: 0 })
  t.equal(inbox.owns(first), false)
  t.equal(first.lost.aborted, true, 'what is under way ends')
  t.equal(inbox.owns(second), true)
  t.equal(second.lost.aborted, false)
  inbox.assign({ topic, partition: 1 }, undefined)
  t.equal(second.lost.aborted, true, 'so it does when another assignment follows')
  inbox.assign({ topic, partition: 0 }, undefined)
  t.equal(inbox.owns(first), false, 'nor when it comes back')
  inbox.put(message(2, 1))
  t.strictSame(rangesOf(inbox), [], 'nor what comes of a partition that is not ours')
  t.end()
})
