import { mkdtempSync } from 'node:fs'
import { rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { startClickHouse } from '@millrace/scripts/local-stack'
import t, { type Test } from 'tap'
import { differingRollups } from './differing-rollups.ts'
import { createMeshFixture, makeEvent, until } from './mesh-fixture.ts'

t.setTimeout(120_000)

/** One that this test may kill. */
async function startPrivateClickHouse(t: Test) {
  const directory = mkdtempSync(join(tmpdir(), 'millrace-aggregator-'))
  const server = await startClickHouse({ directory })
  t.teardown(async () => {
    await server.stop()
    await rm(directory, { recursive: true, force: true })
  })
  return server
}

t.test('a ClickHouse that is killed during inserts and comes back holds everything once', async (t) => {
  const server = await startPrivateClickHouse(t)
  const mesh = await createMeshFixture(t, { CLICKHOUSE_URL: server.url, AGGREGATOR_BATCH_MAX_ROWS: '2000' })
  await mesh.putMeter('visits', {
    eventTypes: ['visit.recorded'],
    aggregation: 'count',
    groupBy: { page: '/data/path' },
  })
  await mesh.putMeter('amounts', {
    eventTypes: ['visit.recorded'],
    aggregation: 'sum',
    value: '/data/amount',
  })
  let published = 0
  const publish = async (count: number): Promise<void> => {
    for (const end = published + count; published < end; published += 250) {
      await mesh.publish(
        Array.from({ length: 250 }, (_, index) => published + index).map((number) =>
          makeEvent({}, { path: `/p${number % 50}`, amount: number / 100 }),
        ),
      )
    }
  }
  const allLanded = (): Promise<void> =>
    until('all rows', async () => (await mesh.landed()) === published, 90_000)
  await publish(40_000)

  let inserts = 0
  const killings: Promise<void>[] = []
  await mesh.startAggregator({
    aroundInsert: (insert) => (block, signal) => {
      inserts += 1
      // While the block is on its way, at another moment of it each time.
      if (inserts % 6 === 0 && killings.length < 3) killings.push(killAndRestart(killings.length * 4))
      return insert(block, signal)
    },
  })
  const killAndRestart = async (afterMs: number): Promise<void> => {
    await new Promise((resolve) => setTimeout(resolve, afterMs))
    await server.kill()
    await server.restart()
  }
  await allLanded()
  // A fast machine needs fewer inserts for as many rows.
  while (killings.length < 3) {
    await publish(4_000)
    await allLanded()
  }
  await Promise.all(killings)
  t.equal(
    await mesh.value('SELECT count(), uniqExact(id) FROM events'),
    `${published}\t${published}`,
    `${killings.length} kills`,
  )
  t.strictSame(await differingRollups(mesh), [])
  t.equal(
    await mesh.value(`SELECT sum(sum) FROM meter_minutes WHERE meter = 'amounts'`),
    String((published * (published - 1)) / 200),
  )
})

t.test(
  'without ClickHouse the aggregator starts, says what is missing, and catches up by itself',
  async (t) => {
    const server = await startPrivateClickHouse(t)
    await server.kill()
    const mesh = await createMeshFixture(t, { CLICKHOUSE_URL: server.url })
    await mesh.putMeter('visits', { eventTypes: ['visit.recorded'], aggregation: 'count' })
    const { readiness, operationsPort } = await mesh.startAggregator()
    const ready = async (): Promise<number> =>
      (await fetch(`http://127.0.0.1:${operationsPort}/healthz/ready`)).status
    await mesh.publish([makeEvent()])
    await until('only ClickHouse is missing', () => Object.keys(readiness.missing()).join() === 'clickhouse')
    t.equal(await ready(), 503)
    t.equal((await fetch(`http://127.0.0.1:${operationsPort}/healthz/live`)).status, 200)
    await server.restart()
    await until('the event', async () => (await mesh.landed()) === 1)
    t.equal(await ready(), 200)

    await server.kill()
    await mesh.publish([makeEvent()])
    await until('the outage is told', () => 'clickhouse' in readiness.missing())
    await server.restart()
    await until('the second event', async () => (await mesh.landed()) === 2)
    await until('the service is well again', async () => (await ready()) === 200)
  },
)
