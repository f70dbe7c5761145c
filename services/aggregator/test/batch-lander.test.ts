import { createLogger } from '@millrace/service-kit/log'
import t from 'tap'
import { type Batch, createBatch } from '../src/batch.ts'
import { createBatchLander } from '../src/batch-lander.ts'
import { createAggregatorMetrics } from '../src/metrics.ts'
import { createTouches } from '../src/touches.ts'
import { makeEvent, viewEvent } from './event-fixture.ts'

/** Lands one event; each attempt of its insert finds the clock moved on by so much. */
async function landWith(pausesMs: readonly number[], pauseBeforeChangesMs = 0): Promise<string[]> {
  const steps: string[] = []
  let now = Date.UTC(2026, 0, 1)
  const lander = createBatchLander(
    {
      commit: async ({ offset, metadata }) => {
        steps.push(`commit ${offset} ${metadata ?? ''}`.trim())
      },
      insert: async ({ token, confirm }) => {
        for (const pauseMs of pausesMs) {
          now += pauseMs
          await confirm?.()
          steps.push(`insert ${token}`)
        }
      },
      landChanges: async (_changes, { confirm }) => {
        now += pauseBeforeChangesMs
        await confirm()
      },
      touches: createTouches(),
      metrics: createAggregatorMetrics(),
      logger: createLogger('test', 'silent'),
      now: () => now,
    },
    'events',
    3,
    new AbortController().signal,
  )
  await lander.land(makeBatch(7, now), () => undefined)
  return steps
}

function makeBatch(offset: number, nowMs: number): Batch {
  const overlay = { add: () => {}, correct: () => {}, keep: () => {}, drop: () => {} }
  const batch = createBatch(offset, nowMs, overlay, 5)
  const judgement = { status: 'valid', schemaVersion: 1, readings: [], values: [], valuesMissing: 0 } as const
  const facts = { position: { partition: 3, offset, index: 0 }, storedAtUs: 1, catalogPosition: 5 }
  batch.add(viewEvent(makeEvent('{}')), judgement, { ...facts, replay: '', cameInAtUs: 1 })
  batch.endMessage(offset)
  return batch
}

const pending = 'commit 7 {"pending":[7,7],"catalog":5}'
const insert = 'insert events:3:7-7'

t.test('an insert that is tried again soon needs no other commit', async (t) => {
  t.strictSame(await landWith([0, 1_000, 5_000]), [pending, insert, insert, insert, 'commit 8'])
})

t.test('whoever was paused for long asks Kafka again before each attempt', async (t) => {
  t.strictSame(await landWith([60_000, 1_000, 60_000]), [
    pending,
    pending,
    insert,
    insert,
    pending,
    insert,
    'commit 8',
  ])
})

t.test('the changes’ insert too asks Kafka again after a long pause', async (t) => {
  t.strictSame(await landWith([0], 60_000), [pending, insert, pending, 'commit 8'])
})

t.test('a clock that was put back counts as a long pause', async (t) => {
  t.strictSame(await landWith([-60_000]), [pending, pending, insert, 'commit 8'])
})

t.test('only what a lane begins with may have been landed by a former owner', async (t) => {
  const told: (boolean | undefined)[] = []
  const lander = createBatchLander(
    {
      commit: async () => {},
      insert: async ({ mayBeThere }) => void told.push(mayBeThere),
      landChanges: async (_changes, { mayBeThere }) => void told.push(mayBeThere),
      touches: createTouches(),
      metrics: createAggregatorMetrics(),
      logger: createLogger('test', 'silent'),
      now: Date.now,
    },
    'events',
    3,
    new AbortController().signal,
  )
  const due = [makeBatch(8, Date.now())]
  await lander.land(makeBatch(7, Date.now()), () => due.pop())
  await lander.land(makeBatch(9, Date.now()), () => undefined)
  t.strictSame(told, [true, true, false, false, false, false])
})
