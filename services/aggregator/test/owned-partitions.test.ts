import type { KafkaConsumer } from '@millrace/service-kit/kafka-consumer'
import { LostProducerError } from '@millrace/service-kit/kafka-transactional-producer'
import { createLogger } from '@millrace/service-kit/log'
import { createReadiness } from '@millrace/service-kit/readiness'
import t, { type Test } from 'tap'
import { createFlushSlots } from '../src/flush-slots.ts'
import { createLiveView } from '../src/live-view.ts'
import { createAggregatorMetrics } from '../src/metrics.ts'
import { createOwnedPartitions, type OwnershipDeps } from '../src/owned-partitions.ts'
import { SeenIds } from '../src/seen-ids.ts'
import { createTurns } from '../src/turns.ts'

const lost = (code: number) => new LostProducerError(Object.assign(new Error('lost'), { code }) as never)
const fenced = -144
const timedOut = -185

async function until(t: Test, what: string, holds: () => boolean): Promise<void> {
  const deadline = Date.now() + 5_000
  while (!holds() && Date.now() < deadline) await new Promise((resolve) => setTimeout(resolve, 1))
  if (!holds()) t.fail(`did not happen: ${what}`)
}

/**
 * Partition 3, whose second seek is held back.
 * @param losses codes by which the first, second ... producer is lost at its first commit
 * @param committed what is committed when it is asked for the first, second ... time
 */
function start(losses: readonly number[], committed: readonly number[]) {
  const seen = { connects: 0, seeks: 0, resumed: 0 }
  const held = Promise.withResolvers<void>()
  const readiness = createReadiness([])
  const deps = {
    metrics: createAggregatorMetrics(),
    logger: createLogger('test', 'silent'),
    readiness,
    live: createLiveView({ now: Date.now }, { liveMaxGroups: 10, liveMaxCells: 10 }),
    readCatalogThrough: async () => {},
    readSeenIds: async () => new SeenIds(1),
    catalogPosition: () => 0,
    slots: createFlushSlots(1),
    nextTurn: createTurns(),
    now: Date.now,
    connectProducer: async () => {
      const loss = losses[seen.connects]
      seen.connects += 1
      return {
        writeAll: async () => [],
        commitOffsets: async () => {
          if (loss !== undefined) throw lost(loss)
        },
        stop: async () => {},
      }
    },
  } as unknown as OwnershipDeps
  const consumer = {
    committed: async () => [{ topic: 'events', partition: 3, offset: committed[seen.connects - 1] }],
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
  return { seen, held, readiness, owned: createOwnedPartitions(deps, config, consumer, paused) }
}

t.test('a partition that is revoked while it is taken up again is left alone', async (t) => {
  const { seen, held, owned } = start([fenced, fenced], [5, 5])
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

t.test('a partition whose commit never returns goes on from what is committed by then', async (t) => {
  // The call that was given up has been committed after all, before the new producer has fenced the old one.
  const { seen, held, readiness, owned } = start([timedOut], [5, 7])
  t.teardown(() => owned.stop(0))
  await owned.assign([3])
  await until(t, 'ready', () => owned.lane(3)?.progress().unlanded === false)
  t.equal(owned.lane(3)?.progress().nextOffset, 5)
  owned
    .lane(3)
    ?.prove()
    .catch(() => {})
  await until(t, 'its seek is tried again', () => seen.seeks === 2)
  t.match(readiness.missing(), { commits: /partitions 3,/ })
  held.resolve()
  await until(t, 'it is read again', () => seen.resumed === 1)
  t.strictSame(readiness.missing(), {})
  t.equal(await owned.lane(3)?.prove(), 7)
  t.equal(seen.connects, 2)
})
