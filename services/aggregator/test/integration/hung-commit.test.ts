import { mkdtempSync } from 'node:fs'
import { rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { eventsTopic } from '@millrace/proto/topics'
import { findFreePorts, startKafka } from '@millrace/scripts/local-stack'
import { readConfig } from '@millrace/service-kit/config'
import { hungCalls } from '@millrace/service-kit/hung-calls'
import { ensureTopics } from '@millrace/service-kit/kafka-topics'
import { createLogger } from '@millrace/service-kit/log'
import t, { type Test } from 'tap'
import { settings } from '../../src/config.ts'
import { createFlushSlots } from '../../src/flush-slots.ts'
import { rootKey, until } from './mesh-fixture.ts'
import { joinGroup, readCommitted, takeUp } from './partition-owner.ts'
import { startSeveringProxy, txnOffsetCommit } from './severing-proxy.ts'

t.setTimeout(90_000)

/** A Kafka of the test's own behind the proxy: one that is shared would be reached past it. */
async function startBroker(t: Test) {
  const directory = mkdtempSync(join(tmpdir(), 'millrace-hung-'))
  const [client = 0, controller = 0] = await findFreePorts(2)
  const proxy = await startSeveringProxy(() => client)
  const kafka = await startKafka({
    directory,
    ports: [{ client, controller }],
    settings: { 'advertised.listeners': `CLIENT://127.0.0.1:${proxy.port}` },
  })
  t.teardown(async () => {
    await kafka.stop()
    await proxy.stop()
    await rm(directory, { recursive: true, force: true })
  })
  const config = readConfig(settings, {
    KAFKA_BROKERS: `127.0.0.1:${proxy.port}`,
    KAFKA_REPLICATION_FACTOR: '1',
    KAFKA_MIN_INSYNC_REPLICAS: '1',
    KAFKA_EVENTS_PARTITIONS: '2',
    MILLRACE_ROOT_KEY: rootKey,
  })
  await ensureTopics([eventsTopic], config, createLogger('aggregator', 'silent'))
  return { config, proxy }
}

t.test(
  'a commit that Kafka’s client does not return from is given up, and has no effect later',
  async (t) => {
    const { config, proxy } = await startBroker(t)
    const consumer = await joinGroup(t, config)
    const committed = () => readCommitted(config, consumer)
    const slots = createFlushSlots(1)
    const timeoutMs = 1_000
    const first = await takeUp(t, config, consumer, { timeoutMs, slots })
    const other = await takeUp(t, config, consumer, { partition: 1, timeoutMs, slots })
    const pending = '{"pending":[5,9],"catalog":1}'
    await first.commit(5, pending)
    await other.commit(2)

    // The group's coordinator is gone when the commit is sent there; all other connections go on.
    proxy.sever(txnOffsetCommit)
    const commit = first.commit(10)
    await until('the connection is cut', proxy.isSevered)
    const waiting = other.commit(3)
    await t.rejects(commit, { message: 'given up' })
    t.strictSame(first.lost, [false])
    await waiting
    t.equal(hungCalls.underWay(), 1, 'its slot is free, though the native call still hangs')
    await first.stop()

    proxy.mend()
    const second = await takeUp(t, config, consumer, { timeoutMs, slots })
    t.strictSame(await committed(), [5, pending], 'what was under way is aborted')
    await until('the call returns', () => hungCalls.underWay() === 0)
    t.strictSame(await committed(), [5, pending])
    await second.commit(10)
    t.strictSame(await committed(), [10, ''])
    t.strictSame([second.lost, other.lost], [[], []])
  },
)
