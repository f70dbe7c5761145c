import t from 'tap'
import type { Batch } from '../src/batch.ts'
import { createBatchLimits } from '../src/batch-limits.ts'

const mebibyte = 1024 * 1024
const config = {
  batchMaxAgeMs: 200,
  batchMaxRows: 1_000,
  batchMaxBytes: 32 * mebibyte,
  batchTotalBytes: 240 * mebibyte,
}
const openedAt = Date.UTC(2026, 0, 1)
const idle = { waiting: false, lastFlushMs: 0 }
const backlog = { waiting: true, lastFlushMs: 0 }

/** A batch whose oldest event is so late by now. */
function makeBatch(facts: { rows?: number; bytes?: number; lateMs?: number }): Batch {
  const { rows = 1, bytes = 1, lateMs = 0 } = facts
  const oldestReceivedAtUs = (openedAt - lateMs) * 1_000
  return { openedAt, rows, invalidRows: 0, bytes, oldestReceivedAtUs } as unknown as Batch
}

t.test('a batch is full at its rows, at its bytes, or at its share of all bytes', async (t) => {
  let lanes = 1
  const limits = createBatchLimits(config, () => lanes)
  t.ok(limits.hasRoom(makeBatch({ rows: 999, bytes: 31 * mebibyte })))
  t.notOk(limits.hasRoom(makeBatch({ rows: 1_000 })))
  t.notOk(limits.hasRoom(makeBatch({ bytes: 32 * mebibyte })))
  lanes = 12
  t.ok(limits.hasRoom(makeBatch({ bytes: 7 * mebibyte })))
  t.notOk(limits.hasRoom(makeBatch({ bytes: 8 * mebibyte })))
  lanes = 10_000
  t.ok(limits.hasRoom(makeBatch({ bytes: mebibyte - 1 })))
})

t.test('a batch waits for its age, with a backlog for half of what its events are late', async (t) => {
  const limits = createBatchLimits(config, () => 1)
  t.equal(limits.dueIn(makeBatch({}), idle, openedAt), 200)
  t.equal(limits.dueIn(makeBatch({}), backlog, openedAt + 50), 150)
  t.equal(
    limits.dueIn(makeBatch({ lateMs: 2_500 }), backlog, openedAt),
    200,
    'a short standstill is no backlog',
  )
  t.equal(limits.dueIn(makeBatch({ lateMs: 8_000 }), backlog, openedAt), 4_000)
  t.equal(limits.dueIn(makeBatch({ lateMs: 3_600_000 }), backlog, openedAt), 10_000)
  t.equal(limits.dueIn(makeBatch({ lateMs: 3_600_000 }), backlog, openedAt + 11_000), 0)
  // Nothing more has come: what is there lands.
  t.equal(limits.dueIn(makeBatch({ lateMs: 3_600_000 }), idle, openedAt), 200)
})

t.test('a batch of repeats only waits for its age, whatever waits behind it', async (t) => {
  const limits = createBatchLimits(config, () => 1)
  const repeats = { ...makeBatch({ rows: 0 }), oldestReceivedAtUs: undefined }
  t.equal(limits.dueIn(repeats, backlog, openedAt), 200)
  t.equal(limits.dueIn(repeats, backlog, openedAt + 200), 0)
})

t.test('a batch does not wait for a clock that was put back', async (t) => {
  const limits = createBatchLimits(config, () => 1)
  t.equal(limits.dueIn(makeBatch({}), idle, openedAt - 3_600_000), 0)
})

t.test('a batch waits longer where landing one takes long, twice its age at the most', async (t) => {
  const limits = createBatchLimits(config, () => 1)
  const after = (lastFlushMs: number): number =>
    limits.dueIn(makeBatch({}), { waiting: false, lastFlushMs }, openedAt)
  t.equal(after(30), 200)
  t.equal(after(75), 300)
  t.equal(after(5_000), 400)
  t.equal(after(-3_600_000), 200, 'the clock was put back during the flush')
})
