import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import t from 'tap'
import { createMeshFixture, type MeshFixture, makeEvent, until } from './mesh-fixture.ts'

// Each waits for Kafka to notice that the member is dead.
t.jobs = 2
t.setTimeout(120_000)

/** Resolves once the process has killed itself. */
function startCrashing(mesh: MeshFixture, when: string): Promise<void> {
  const program = join(import.meta.dirname, 'crashing-replay.ts')
  const child = spawn(process.execPath, [program, when], {
    env: { ...process.env, ...mesh.environment },
    stdio: ['ignore', 'ignore', 'inherit'],
  })
  return once(child, 'exit').then(([code, signal]) => {
    if (signal !== 'SIGKILL') throw new Error(`ended by itself with ${code ?? signal}`)
  })
}

for (const when of ['before', 'after']) {
  t.test(`a replay whose aggregator dies ${when} replayed events land counts them once`, async (t) => {
    const mesh = await createMeshFixture(t)
    await mesh.putEventType('visit.recorded', { schema: { required: ['path'] } })
    await mesh.putMeter('visits', { eventTypes: ['visit.recorded'], aggregation: 'count' })
    const crashed = startCrashing(mesh, when)
    await mesh.publish(Array.from({ length: 80 }, (_, index) => makeEvent({}, { number: index })))
    const counts = () =>
      mesh.value('SELECT (SELECT count() FROM events), (SELECT count() FROM invalid_events)')
    await until('all have landed', async () => (await counts()) === '0\t80', 60_000)
    await mesh.putEventType('visit.recorded', {}, 2)
    await mesh.putReplay('rep_1', {
      what: 'events',
      filter: {},
      ratePerSecond: 50,
      status: 'accepted',
      requestedAt: new Date().toISOString(),
    })
    await crashed
    await mesh.startAggregator()
    const progress = 'SELECT selected, processed, still_invalid, done FROM replays FINAL'
    await until('the replay', async () => (await mesh.value(progress)) === '80\t80\t0\ttrue', 60_000)
    t.equal(await counts(), '80\t0')
    t.equal(await mesh.value('SELECT uniqExact(id) FROM events'), '80')
    t.equal(await mesh.landed(), 80)
  })
}
