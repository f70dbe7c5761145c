import type { TopicPartitionOffsetAndMetadata } from '@millrace/service-kit/kafka-consumer'
import { createLogger } from '@millrace/service-kit/log'
import t from 'tap'
import type { DeliveryBatch } from '../src/delivery-inbox.ts'
import { createDeliveryLander } from '../src/delivery-lander.ts'
import type { RowBlock } from '../src/row-writer.ts'

const batch: Omit<DeliveryBatch, 'lost'> = {
  topic: 'deliveries',
  partition: 0,
  from: 7,
  to: 8,
  messages: [7, 8].map((offset) => ({ topic: 'deliveries', partition: 0, offset, size: 1, value: null })),
  inherited: false,
}

/** Lands one batch; `pause` runs once its range is written down, before ClickHouse is asked. */
async function land(
  pause: (state: { nowMs: number; lost: AbortController }) => void | Promise<void>,
  changes: Partial<DeliveryBatch> = {},
) {
  const state = { nowMs: 1_000, lost: new AbortController() }
  const commits: TopicPartitionOffsetAndMetadata[] = []
  const inserted: string[] = []
  const mayBeThere: (boolean | undefined)[] = []
  const { signal } = new AbortController()
  const lander = createDeliveryLander({
    async insert({ token = '', confirm, ...block }: RowBlock, ofInsert) {
      mayBeThere.push(block.mayBeThere)
      await pause(state)
      // As the writer of rows does: asks before the insert, and rejects only when the signal aborts.
      await confirm?.().catch((error: unknown) => ofInsert.throwIfAborted() ?? Promise.reject(error))
      ofInsert.throwIfAborted()
      inserted.push(token)
    },
    async commit(read) {
      commits.push(...read())
    },
    owns: () => !state.lost.signal.aborted,
    writeRow: () => 1,
    eraseLate: async () => undefined,
    metrics: { rowsLanded: { inc: () => undefined } } as never,
    logger: createLogger('test', 'silent'),
    signal,
    now: () => state.nowMs,
  })
  await lander([{ ...batch, ...changes, lost: state.lost.signal }])
  return {
    commits: commits.map(({ offset, metadata = '' }) => [offset, metadata !== '']),
    inserted,
    mayBeThere,
  }
}

t.test('a batch is written down, inserted and committed', async (t) => {
  const { commits, inserted } = await land(() => undefined)
  t.equal(inserted.length, 1)
  t.same(commits, [
    [7, true],
    [9, false],
  ])
})

t.test('after a long pause the range is written down again before the insert', async (t) => {
  for (const sinceMs of [21_000, -1]) {
    const { commits, inserted } = await land((state) => {
      state.nowMs += sinceMs
    })
    t.equal(inserted.length, 1)
    t.same(commits, [
      [7, true],
      [7, true],
      [9, false],
    ])
  }
})

t.test('what has become somebody else’s in a long pause is not inserted', async (t) => {
  const { commits, inserted } = await land((state) => {
    state.nowMs += 21_000
    state.lost.abort()
  })
  t.same(inserted, [])
  t.same(commits, [[7, true]])
})

t.test('an insert ends when its partition is given up, and is left to the next owner', async (t) => {
  const { commits, inserted } = await land(({ lost }) => lost.abort())
  t.same(inserted, [])
  t.same(commits, [[7, true]])
})

t.test('a range that a former owner wrote down may be there', async (t) => {
  for (const inherited of [true, false]) {
    const { mayBeThere } = await land(() => undefined, { inherited })
    t.strictSame(mayBeThere, [inherited])
  }
})
