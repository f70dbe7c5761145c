import { createRandom } from '@millrace/scripts/random'
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

t.test('what a message holds stays as it came until the next one is taken', async (t) => {
  const random = createRandom(7)
  const inbox = createPartitionInbox(
    () => 1e9,
    () => {},
  )
  const sizes = [0, 1, 1_000, 30_000, 64 * 1024, 64 * 1024 + 1, 300_000]
  const waiting: { offset: number; value: Buffer | null }[] = []
  let inHand: { offset: number; value: Buffer | null; got: Message | undefined } | undefined
  let offset = 0
  const wrong: string[] = []
  for (let step = 0; step < 5_000; step += 1) {
    const choice = random()
    if (choice < 0.55) {
      const bytes = sizes[Math.floor(random() * sizes.length)] ?? 0
      const value = random() < 0.05 ? null : Buffer.alloc(bytes, offset % 251)
      inbox.put({ ...message(offset, bytes), value })
      waiting.push({ offset, value: value && Buffer.from(value) })
      offset += 1
    } else if (choice < 0.97) {
      const expected = waiting.shift()
      const got = inbox.take()
      if (got?.offset !== expected?.offset) wrong.push(`step ${step}: another message`)
      inHand = expected && { ...expected, got }
    } else if (choice < 0.985) {
      inbox.clear()
      waiting.length = 0
    } else {
      const to = waiting[Math.floor(random() * waiting.length)]?.offset ?? offset
      inbox.skipTo(to)
      while (waiting[0] !== undefined && waiting[0].offset !== to) waiting.shift()
    }
    if (inHand !== undefined && !isSame(inHand.got?.value, inHand.value))
      wrong.push(`step ${step}: other bytes`)
  }
  t.strictSame(wrong.slice(0, 5), [])
})

t.test('messages are copied into memory that is used again', async (t) => {
  const inbox = createPartitionInbox(
    () => 1e9,
    () => {},
  )
  const memory = new Set<ArrayBufferLike>()
  for (let offset = 0; offset < 1_000; offset += 1) {
    inbox.put({ ...message(offset, 50_000), value: Buffer.alloc(50_000) })
    if (offset < 10) continue
    const taken = inbox.take()
    if (taken?.value) memory.add(taken.value.buffer)
  }
  // Eleven at a time, five in a slab.
  t.ok(memory.size <= 4, `${memory.size} slabs`)
})

function isSame(value: Buffer | null | undefined, expected: Buffer | null): boolean {
  return value && expected ? value.equals(expected) : value === expected
}
