import type { Message } from '@millrace/service-kit/kafka-consumer'
import t from 'tap'
import { createPartitionInbox } from '../src/partition-inbox.ts'

const message = (offset: number, size: number): Message =>
  ({ topic: 'events', partition: 0, offset, size, value: null }) as unknown as Message

t.test('messages leave in the order in which they came', async (t) => {
  const inbox = createPartitionInbox(
    () => 1e9,
    () => {},
  )
  for (let offset = 0; offset < 2_000; offset += 1) inbox.put(message(offset, 1))
  const offsets = Array.from({ length: 2_000 }, () => inbox.take()?.offset)
  t.strictSame(
    offsets,
    Array.from({ length: 2_000 }, (_, index) => index),
  )
  t.equal(inbox.take(), undefined)
  t.ok(inbox.isEmpty())
})

t.test('a full inbox says so until half of it has gone', async (t) => {
  let rooms = 0
  const inbox = createPartitionInbox(
    () => 100,
    () => {
      rooms += 1
    },
  )
  for (let offset = 0; offset < 10; offset += 1) inbox.put(message(offset, 10))
  t.ok(inbox.isFull())
  for (let taken = 0; taken < 4; taken += 1) inbox.take()
  t.ok(inbox.isFull())
  inbox.take()
  t.notOk(inbox.isFull())
  t.equal(rooms, 1)
})

t.test('a cleared inbox has room', async (t) => {
  let rooms = 0
  const inbox = createPartitionInbox(
    () => 10,
    () => {
      rooms += 1
    },
  )
  inbox.put(message(0, 100))
  inbox.clear()
  t.strictSame([inbox.isFull(), inbox.isEmpty(), inbox.take(), rooms], [false, true, undefined, 1])
})
