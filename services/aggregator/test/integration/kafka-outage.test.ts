import { mkdtempSync } from 'node:fs'
import { rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { startKafka } from '@millrace/scripts/local-stack'
import t from 'tap'
import { differingRollups } from './differing-rollups.ts'
import { createMeshFixture, makeEvent, until } from './mesh-fixture.ts'

t.setTimeout(120_000)

t.test(
  'without Kafka the aggregator starts, says what is missing, and goes on when it comes back',
  async (t) => {
    const directory = mkdtempSync(join(tmpdir(), 'millrace-aggregator-'))
    const kafka = await startKafka({ directory })
    t.teardown(async () => {
      await kafka.stop()
      await rm(directory, { recursive: true, force: true })
    })
    const mesh = await createMeshFixture(t, { KAFKA_BROKERS: kafka.bootstrapServers })
    await mesh.putMeter('visits', { eventTypes: ['visit.recorded'], aggregation: 'count' })
    const events = Array.from({ length: 3_000 }, () => makeEvent())
    await mesh.publish(events.slice(0, 1_000))
    await kafka.kill()

    const { readiness, operationsPort } = await mesh.startAggregator()
    const ready = async (): Promise<number> =>
      (await fetch(`http://127.0.0.1:${operationsPort}/healthz/ready`)).status
    await until('what is missing is told', () => 'kafka' in readiness.missing())
    t.equal(await ready(), 503)
    await kafka.restart()
    await until('the events', async () => (await mesh.landed()) === 1_000, 60_000)
    await until('the service is ready', async () => (await ready()) === 200)

    // While batches are on their way, one every few milliseconds.
    const publishing = (async () => {
      for (let at = 1_000; at < events.length; at += 20) await mesh.publish(events.slice(at, at + 20))
    })()
    await until('some have landed', async () => (await mesh.landed()) > 1_000)
    await kafka.kill()
    await until('the outage is told', async () => (await ready()) === 503)
    await kafka.restart()
    await publishing
    await until('all events', async () => (await mesh.landed()) === 3_000, 60_000)
    await until('the service is well again', async () => (await ready()) === 200)
    t.equal(await mesh.value('SELECT count(), uniqExact(id) FROM events'), '3000\t3000')
    t.strictSame(await differingRollups(mesh), [])
  },
)
