import type { KafkaConsumer } from '@millrace/service-kit/kafka-consumer'
import { LostProducerError } from '@millrace/service-kit/kafka-transactional-producer'
import { createLogger } from '@millrace/service-kit/log'
import t, { type Test } from 'tap'
import { createFlushSlots } from '../src/flush-slots.ts'
import { createLiveView } from '../src/live-view.ts'
import { createAggregatorMetrics } from '../src/metrics.ts'
import { createOwnedPartitions, type OwnershipDeps } from '../src/owned-partitions.ts'
import { SeenIds } from '../src/seen-ids.ts'
import { createTurns } from '../src/turns.ts'

const fenced = () => new LostProducerError(Object.assign(new Error('fenced'), { code: -144 }) as never)

async function until(t: Test, what: string, holds: () => boolean): Promise<void> {
  const deadline = Date.now() + 5_000
  while (!holds() && Date.now() < deadline) await new Promise((resolve) => setTimeout(resolve, 1))
  if (!holds()) t.fail(`did not happen: ${what}`)
}

/** Partition 3, whose producers are fenced at their first commit; its second seek is held back. */
function start() {
  const seen = { connects: 0, seeks: 0, resumed: 0 }
  const held = Promise.withResolvers<void>()
  const deps = {
    metrics: createAggregatorMetrics(),
    logger: createLogger('test', 'silent'),
    live: createLiveView({ now: Date.now }, { liveMaxGroups: 10, liveMaxCells: 10 }),
    readCatalogThrough: async () => {},
    readSeenIds: async () => new SeenIds(1),
    catalogPosition: () => 0,
    slots: createFlushSlots(1),
    nextTurn: createTurns(),
    now: Date.now,
    connectProducer: async () => {
      seen.connects += 1
      return {
        writeAll: async () => [],
        commitOffsets: async () => {
          throw fenced()
        },
        stop: async () => {},
      }
    },
  } as unknown as OwnershipDeps
  const consumer = {
    committed: async () => [{ topic: 'events', partition: 3, offset: 5 }],
    watermarks: async () => ({ low: 0, high: 9 }),
    seek: async () => {
      seen.seeks += 1
      if (seen.seeks === 1) throw new Error('not assigned')
      await held.promise
    },
  } as unknown as KafkaConsumer
  const resume = (): void => {
    seen.resumed += 1
  }
  const paused = { pause: () => {}, resume, forget: () => {} }
  const limits = { batchMaxAgeMs: 10, batchMaxRows: 10, batchMaxBytes: 1_000, batchTotalBytes: 10_000 }
  const config = { topic: 'events', retakeAfterMs: 1, ...limits }
  return { seen, held, owned: createOwnedPartitions(deps, config, consumer, paused) }
}

t.test('a partition that is revoked while it is taken up again is left alone', async (t) => {
  const { seen, held, owned } = start()
  t.teardown(() => owned.stop(0))
  await owned.assign([3])
  await until(t, 'ready', () => owned.lane(3)?.progress().unlanded === false)
  owned
    .lane(3)
    ?.prove()
    .catch(() => {})
  await until(t, 'its seek is tried again', () => seen.seeks === 2)
  await owned.revoke([3], true)
  held.resolve()
  await new Promise(setImmediate)
  t.equal(seen.resumed, 0)
  t.equal(owned.lane(3), undefined)
})
