import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import t from 'tap'
import { compareMeters, completeBackfills, makeVisits } from './backfill-fixture.ts'
import { differingFromMinutes } from './differing-rollups.ts'
import { createMeshFixture, type MeshFixture, until } from './mesh-fixture.ts'

const steps = [
  'after the marks',
  'before a chunk is inserted',
  'after a chunk is inserted',
  'after a chunk is written down',
]

const twoKinds = { only: ['sum', 'unique'] }
const fourKinds = { only: ['count', 'sum', 'max', 'p95'] }

// Each waits for Kafka to notice that the member is dead.
t.jobs = steps.length + 1
t.setTimeout(300_000)

/** Resolves once the process has killed itself. */
function startCrashing(mesh: MeshFixture, step: string): Promise<void> {
  const program = join(import.meta.dirname, 'crashing-backfill.ts')
  const child = spawn(process.execPath, [program, step], {
    env: { ...process.env, ...mesh.environment },
    stdio: ['ignore', 'ignore', 'inherit'],
  })
  return once(child, 'exit').then(([code, signal]) => {
    if (signal !== 'SIGKILL') throw new Error(`ended by itself with ${code ?? signal}`)
  })
}

const landed = async (mesh: MeshFixture, events: number): Promise<boolean> =>
  (await mesh.value('SELECT count() FROM events')) === String(events)

for (const step of steps) {
  t.test(`a backfill whose aggregator dies ${step} counts everything once`, async (t) => {
    const mesh = await createMeshFixture(t, { AGGREGATOR_BACKFILL_CHUNK_EVENTS: '150' })
    await compareMeters.put(mesh, 'first', twoKinds)
    const crashed = startCrashing(mesh, step)
    await mesh.publish(makeVisits(400))
    await until('all events', () => landed(mesh, 400), 90_000)
    await compareMeters.put(mesh, 'later', twoKinds)
    await crashed
    await mesh.publish(makeVisits(100, 400))
    await mesh.startAggregator()
    await until('complete', () => completeBackfills(mesh, 'later', twoKinds), 90_000)
    await until('all events', () => landed(mesh, 500))
    t.strictSame(await compareMeters.differences(mesh, 'first', 'later', twoKinds), [])
    t.strictSame(await differingFromMinutes(mesh), [])
  })
}

t.test('a backfill goes on when the partitions move', async (t) => {
  const mesh = await createMeshFixture(t, { AGGREGATOR_BACKFILL_CHUNK_EVENTS: '40' })
  await compareMeters.put(mesh, 'first', fourKinds)
  const one = await mesh.startAggregator()
  await mesh.publish(makeVisits(600))
  await until('all events', () => landed(mesh, 600), 90_000)
  await compareMeters.put(mesh, 'later', fourKinds)
  await until('some chunks', async () => {
    const chunks = await mesh.value(`SELECT countIf(landed) FROM backfill_chunks FINAL WHERE events > 0`)
    return Number(chunks) > 2
  })
  await mesh.startAggregator()
  await mesh.publish(makeVisits(100, 600))
  await one.stop()
  await mesh.publish(makeVisits(100, 700))
  await until('complete', () => completeBackfills(mesh, 'later', fourKinds), 90_000)
  await until('all events', () => landed(mesh, 800))
  t.strictSame(await compareMeters.differences(mesh, 'first', 'later', fourKinds), [])
  t.strictSame(await differingFromMinutes(mesh), [])
})
