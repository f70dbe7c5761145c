import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import t, { type Test } from 'tap'
import { differingRollups } from './differing-rollups.ts'
import { createMeshFixture, type MeshFixture, makeEvent, until } from './mesh-fixture.ts'
import { readMetric } from './read-metric.ts'

/** Started, it stops itself (SIGSTOP) at the step; resolves once it stands still. */
async function startUntilPaused(t: Test, mesh: MeshFixture, step: string) {
  const program = join(import.meta.dirname, 'crashing-aggregator.ts')
  const child = spawn(process.execPath, [program, step, 'SIGSTOP'], {
    env: { ...process.env, ...mesh.environment },
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  const ended = once(child, 'exit')
  t.teardown(async () => {
    child.kill('SIGCONT')
    child.kill('SIGTERM')
    await ended
  })
  const [port] = (await once(createInterface({ input: child.stdout }), 'line')) as [string]
  const { pid = 0 } = child
  // Field 3 of stat is the state; T is stopped.
  await until('the owner stands still', () => / T /.test(readFileSync(`/proc/${pid}/stat`, 'utf8')), 60_000)
  return { operationsPort: Number(port), wake: () => child.kill('SIGCONT') }
}

const steps = [
  'before the pending range is written down',
  'before the insert',
  'after the insert, before the commit',
]
t.jobs = steps.length
t.setTimeout(120_000)

for (const step of steps) {
  const skip = process.platform !== 'linux' && 'needs /proc'
  t.test(
    `an owner that sleeps ${step} and wakes after its partitions moved changes nothing`,
    { skip },
    async (t) => {
      const mesh = await createMeshFixture(t, { AGGREGATOR_BATCH_MAX_AGE_MS: '500' })
      await mesh.putMeter('visits', { eventTypes: ['visit.recorded'], aggregation: 'count' })
      const events = Array.from({ length: 300 }, () => makeEvent())
      await mesh.publish(events)
      const sleeper = await startUntilPaused(t, mesh, step)
      await mesh.startAggregator()
      await mesh.publish([...events.slice(0, 50), ...Array.from({ length: 100 }, () => makeEvent())])
      await until('the new owner has landed all', async () => (await mesh.landed()) === 400, 60_000)

      sleeper.wake()
      const refused = async (): Promise<number> =>
        ((await readMetric(sleeper, 'millrace_aggregator_fenced_total')) ?? 0) +
        ((await readMetric(sleeper, 'millrace_aggregator_partitions_lost_total')) ?? 0)
      await until('the sleeper knows that its partitions have gone', async () => (await refused()) > 0)
      await mesh.publish([...events.slice(50, 100), ...Array.from({ length: 100 }, () => makeEvent())])
      await until('all that came after it', async () => (await mesh.landed()) >= 500, 60_000)
      t.equal(await mesh.value('SELECT count(), uniqExact(id) FROM events'), '500\t500')
      t.strictSame(await differingRollups(mesh), [])
    },
  )
}
