import { type Event, EventBatch } from '@millrace/proto'
import type { Message, TopicPartitionOffsetAndMetadata } from '@millrace/service-kit/kafka-consumer'
import { createLogger } from '@millrace/service-kit/log'
import t, { type Test } from 'tap'
import { createFlushSlots } from '../src/flush-slots.ts'
import { createNameHasher } from '../src/hash-name.ts'
import { createLiveView } from '../src/live-view.ts'
import { createAggregatorMetrics } from '../src/metrics.ts'
import {
  createPartitionLane,
  type LaneDeps,
  type LaneStart,
  type PartitionLane,
} from '../src/partition-lane.ts'
import type { PreparedMeter } from '../src/prepare-meter.ts'
import type { RowBlock } from '../src/row-writer.ts'
import { SeenIds } from '../src/seen-ids.ts'
import { createTouches } from '../src/touches.ts'
import { createTurns } from '../src/turns.ts'
import { makeEvent } from './event-fixture.ts'

type Step =
  | { readonly commit: number; readonly metadata: string | undefined }
  | { readonly insert: string; readonly token: string | undefined }
  | { readonly seek: number }

interface Fixture {
  readonly lane: PartitionLane
  /** What went out to Kafka and ClickHouse, in order. */
  readonly steps: Step[]
  /** Holds inserts back until the function that it returns is called. */
  hold(): () => void
  /** What happens while the next seek is under way. */
  duringSeek(happens: () => void): void
  readonly liveCount: () => number
}

function startLane(t: Test, start: Partial<LaneStart> = {}, limits = { rows: 1_000, ageMs: 20 }): Fixture {
  const steps: Step[] = []
  let held: Promise<void> = Promise.resolve()
  let meanwhile = (): void => {}
  const live = createLiveView({ now: Date.now }, { liveMaxGroups: 10, liveMaxCells: 1_000 })
  const meters: PreparedMeter[] = [
    {
      name: 'm',
      version: 1,
      filter: undefined,
      input: 'event',
      rolledUp: true,
      value: undefined,
      dimensions: [],
    },
  ]
  const deps: LaneDeps = {
    hasher: createNameHasher(Buffer.alloc(16, 7)),
    rulesOf: () => ({ version: 0, findFault: undefined, maxAge: undefined, meters }),
    metrics: createAggregatorMetrics(),
    typeLabel: (type) => type,
    landChanges: async () => {},
    touches: createTouches(),
    insert: async ({ table, token }: RowBlock, signal) => {
      steps.push({ insert: table, token })
      await Promise.race([held, new Promise((_, reject) => signal.addEventListener('abort', reject))])
    },
    commit: async ({ offset, metadata }: TopicPartitionOffsetAndMetadata) => {
      steps.push({ commit: offset, metadata: metadata ?? undefined })
    },
    catalogPosition: () => 7,
    readCatalogThrough: async () => {},
    rulesAsOf: async () => () => ({ version: 0, findFault: undefined, maxAge: undefined, meters }),
    readSeenIds: async () => new SeenIds(3_600_000_000),
    seek: async (_partition, offset) => {
      steps.push({ seek: offset })
      meanwhile()
      meanwhile = () => {}
    },
    onRoom: () => {},
    lanes: () => 1,
    slots: createFlushSlots(1),
    nextTurn: createTurns(),
    live,
    logger: createLogger('test', 'silent'),
    now: Date.now,
  }
  const config = {
    topic: 'events',
    batchMaxAgeMs: limits.ageMs,
    batchMaxRows: limits.rows,
    batchMaxBytes: 1_000_000,
    batchTotalBytes: 10_000_000,
  }
  const lane = createPartitionLane(deps, config, { partition: 3, offset: 10, pending: undefined, ...start })
  t.teardown(() => lane.close(0))
  return {
    lane,
    steps,
    hold() {
      const { promise, resolve } = Promise.withResolvers<void>()
      held = promise
      return resolve
    },
    duringSeek(happens) {
      meanwhile = happens
    },
    liveCount: () =>
      live
        .changes('default', 'm', 0, 0)
        .seconds.flatMap(({ groups }) => [...groups.values()])
        .reduce((sum, { count }) => sum + count, 0),
  }
}

function message(offset: number, ...ids: string[]): Message {
  return lateMessage(offset, 0, ...ids)
}

/** Its events have waited for so long. */
function lateMessage(offset: number, lateMs: number, ...ids: string[]): Message {
  const records = ids.map((id) => {
    const value: Event = makeEvent('{}', { id, receivedAtUs: (Date.now() - lateMs) * 1_000 })
    return { record: { $case: 'event' as const, value } }
  })
  const value = Buffer.from(EventBatch.encode({ records, catalogThrough: 0 }).finish())
  return { topic: 'events', partition: 3, offset, size: value.length, value } as unknown as Message
}

async function until(t: Test, what: string, holds: () => boolean): Promise<void> {
  const deadline = Date.now() + 5_000
  while (!holds() && Date.now() < deadline) await new Promise((resolve) => setTimeout(resolve, 1))
  if (!holds()) t.fail(`did not happen: ${what}`)
}

const pending = (from: number, to: number, catalog = 7) => ({
  commit: from,
  metadata: `{"pending":[${from},${to}],"catalog":${catalog}}`,
})
const insert = (from: number, to: number) => ({ insert: 'events', token: `events:3:${from}-${to}` })
const done = (next: number) => ({ commit: next, metadata: undefined })

t.test('a batch’s range is written down, then its rows, then its end', async (t) => {
  const { lane, steps } = startLane(t, {}, { rows: 2, ageMs: 60_000 })
  lane.offer(message(10, 'a'))
  lane.offer(message(11, 'b'))
  await until(t, 'landed', () => steps.length === 3)
  t.strictSame(steps, [pending(10, 11), insert(10, 11), done(12)])
  t.match(lane.progress(), { nextOffset: 12, unlanded: false })
})

t.test('what is left of a backlog does not wait for more of it', async (t) => {
  const { lane, steps } = startLane(t)
  for (let offset = 10; offset < 60; offset += 1) lane.offer(lateMessage(offset, 3_600_000, `id-${offset}`))
  await until(t, 'landed', () => lane.progress().nextOffset === 60 && !lane.progress().unlanded)
  t.strictSame(steps.at(-1), done(60))
})

t.test('a range of repeats and undecodable messages is only committed', async (t) => {
  const { lane, steps } = startLane(t)
  lane.offer(message(10, 'a'))
  await until(t, 'landed', () => steps.length === 3)
  lane.offer(message(11, 'a', 'a'))
  lane.offer({ ...message(12), value: Buffer.from([0xff]) } as Message)
  await until(t, 'committed', () => lane.progress().nextOffset === 13 && !lane.progress().unlanded)
  t.strictSame(steps.at(-1), done(13))
  t.notOk(
    steps.slice(3).some((step) => 'insert' in step || ('commit' in step && step.metadata !== undefined)),
  )
})

t.test('the end of a batch and the range of the next are one commit when the next is due', async (t) => {
  const { lane, steps, hold } = startLane(t, {}, { rows: 2, ageMs: 60_000 })
  const release = hold()
  lane.offer(message(10, 'a', 'b'))
  await until(t, 'the insert is under way', () => steps.length === 2)
  lane.offer(message(11, 'c', 'd'))
  await until(t, 'the next is full', () => lane.progress().nextOffset === 12)
  release()
  await until(t, 'landed', () => steps.length === 5)
  t.strictSame(steps, [pending(10, 10), insert(10, 10), pending(11, 11), insert(11, 11), done(12)])
})

t.test(
  'a pending range becomes the same batch again, neither shorter by age or size nor longer',
  async (t) => {
    const start = { pending: { from: 10, to: 12, catalog: 3 } }
    const { lane, steps } = startLane(t, start, { rows: 1, ageMs: 0 })
    lane.offer(message(10, 'a'))
    lane.offer(message(11, 'b'))
    await until(t, 'both are read', () => lane.progress().nextOffset === 12)
    t.strictSame(steps, [], 'its end is awaited')
    lane.offer(message(12, 'c'))
    lane.offer(message(13, 'd'))
    await until(t, 'landed', () => lane.progress().nextOffset === 14 && !lane.progress().unlanded)
    t.strictSame(steps.slice(0, 2), [pending(10, 12, 3), insert(10, 12)])
    t.strictSame(steps.at(-1), done(14))
  },
)

t.test('messages that came before are ignored, a gap is read again', async (t) => {
  const { lane, steps } = startLane(t)
  lane.offer(message(9, 'x'))
  lane.offer(message(10, 'a'))
  lane.offer(message(12, 'c'))
  await until(t, 'set back', () => steps.some((step) => 'seek' in step))
  lane.offer(message(11, 'b'))
  lane.offer(message(12, 'c'))
  await until(t, 'all is landed', () => lane.progress().nextOffset === 13 && !lane.progress().unlanded)
  t.strictSame(
    steps.filter((step) => 'seek' in step),
    [{ seek: 11 }],
  )
  t.match(steps.at(-1), done(13))
})

t.test(
  'what was fetched before the seek and comes during it or after it is no proof of a loss',
  async (t) => {
    const { lane, steps, duringSeek } = startLane(t)
    duringSeek(() => {
      lane.offer(message(13, 'd'))
      lane.offer(message(14, 'e'))
    })
    lane.offer(message(12, 'c'))
    await until(t, 'set back', () => steps.length === 1)
    duringSeek(() => {
      lane.offer(message(16, 'g'))
      for (const [index, id] of ['a', 'b', 'c'].entries()) lane.offer(message(10 + index, id))
    })
    lane.offer(message(15, 'f'))
    await until(t, 'all is landed', () => lane.progress().nextOffset === 13 && !lane.progress().unlanded)
    t.strictSame(
      steps.filter((step) => 'seek' in step),
      [{ seek: 10 }, { seek: 10 }],
    )
    t.ok(steps.some((step) => 'commit' in step && step.commit === 10))
  },
)

t.test('a gap that stays a gap is passed', async (t) => {
  const { lane, steps } = startLane(t)
  lane.offer(message(12, 'c'))
  await until(t, 'set back', () => steps.length === 1)
  lane.offer(message(12, 'c'))
  await until(t, 'set back again', () => steps.length === 2)
  lane.offer(message(12, 'c'))
  await until(t, 'landed', () => steps.length === 5)
  t.strictSame(steps, [{ seek: 10 }, { seek: 10 }, pending(12, 12), insert(12, 12), done(13)])
})

t.test('draining lands what was read at once, closing forgets it', async (t) => {
  const drained = startLane(t, {}, { rows: 1_000, ageMs: 60_000 })
  drained.lane.offer(message(10, 'a'))
  await until(t, 'read', () => drained.lane.progress().nextOffset === 11)
  await drained.lane.drain(5_000)
  t.strictSame(drained.steps.at(-1), done(11))
  t.equal(drained.liveCount(), 1)

  const closed = startLane(t)
  closed.hold()
  closed.lane.offer(message(10, 'a'))
  await until(t, 'the insert is under way', () => closed.steps.length === 2)
  t.equal(closed.liveCount(), 1, 'seen live before it has landed')
  await closed.lane.close(0)
  t.equal(closed.liveCount(), 0, 'whoever reads it again shows it')
  t.equal(closed.steps.length, 2, 'nothing is committed')
})

t.test(
  'a lane proves that it owns its partition by a commit after everything that was read has landed',
  async (t) => {
    const { lane, steps, hold } = startLane(t, {}, { rows: 1_000, ageMs: 60_000 })
    t.equal(await lane.prove(), 10)
    t.strictSame(steps, [done(10)], 'without anything to land, the offset that stands is committed again')
    const release = hold()
    lane.offer(message(10, 'a'))
    await until(t, 'read', () => lane.progress().nextOffset === 11)
    const proof = lane.prove()
    await until(t, 'the insert is under way', () => steps.length === 3)
    release()
    t.equal(await proof, 11)
    t.strictSame(steps.slice(1), [pending(10, 10), insert(10, 10), done(11)])
    await lane.close(0)
    await t.rejects(lane.prove(), 'a closed lane owns nothing')
  },
)

t.test('a lane proves nothing before a pending range has landed', async (t) => {
  const { lane, steps } = startLane(t, { pending: { from: 10, to: 11, catalog: 3 } })
  const proof = lane.prove()
  lane.offer(message(10, 'a'))
  await until(t, 'read', () => lane.progress().nextOffset === 11)
  t.strictSame(steps, [])
  lane.offer(message(11, 'b'))
  t.equal(await proof, 12)
  t.strictSame(steps.slice(0, 3), [pending(10, 11, 3), insert(10, 11), done(12)])
})

t.test('a proof does not wait until nothing is due any more', async (t) => {
  const { lane, steps, hold } = startLane(t, {}, { rows: 1, ageMs: 60_000 })
  const release = hold()
  lane.offer(message(10, 'a'))
  await until(t, 'the insert is under way', () => steps.length === 2)
  lane.offer(message(11, 'b'))
  await until(t, 'the next is full', () => lane.progress().nextOffset === 12)
  const proof = lane.prove()
  release()
  t.equal(await proof, 12)
  t.strictSame(steps[2], done(11), 'the batch under way ends by itself')
})
