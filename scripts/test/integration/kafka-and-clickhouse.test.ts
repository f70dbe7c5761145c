import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createClient } from '@clickhouse/client'
import ConfluentKafka from '@confluentinc/kafka-javascript'
import t, { type Test } from 'tap'
import { startClickHouse, startKafka, startStack } from '../../local-stack/index.ts'
import { identityOf, isAlive } from '../../local-stack/process-identity.ts'

t.setTimeout(300_000)

const { Kafka, logLevel } = ConfluentKafka.KafkaJS

function temporaryFolder(t: Test): string {
  const path = mkdtempSync(join(tmpdir(), 'millrace blocks-'))
  t.teardown(() => rmSync(path, { recursive: true, force: true }))
  return path
}

function clientOf(bootstrapServers: string) {
  return new Kafka({ kafkaJS: { brokers: bootstrapServers.split(','), logLevel: logLevel.NOTHING } })
}

async function produce(client: InstanceType<typeof Kafka>, topic: string, values: string[]): Promise<void> {
  const producer = client.producer({ kafkaJS: { acks: -1 } })
  await producer.connect()
  await producer.send({ topic, messages: values.map((value) => ({ value })) })
  await producer.disconnect()
}

async function consume(client: InstanceType<typeof Kafka>, topic: string, count: number): Promise<string[]> {
  const consumer = client.consumer({ kafkaJS: { groupId: `test-${process.pid}`, fromBeginning: true } })
  const values: string[] = []
  const all = Promise.withResolvers<void>()
  await consumer.connect()
  await consumer.subscribe({ topic })
  await consumer.run({
    eachMessage: async ({ message }) => {
      values.push(message.value?.toString() ?? '')
      if (values.length === count) all.resolve()
    },
  })
  await all.promise
  await consumer.disconnect()
  return values
}

const VALUES = Array.from({ length: 500 }, (_, i) => `record ${i}`)

t.test('a cluster id that looks like a flag, as one in 64 does, is taken for an id', async (t) => {
  const directory = temporaryFolder(t)
  const clusterId = `-${'A'.repeat(21)}`
  writeFileSync(join(directory, 'cluster.json'), JSON.stringify({ clusterId, brokers: 1 }))
  const kafka = await startKafka({ directory })
  t.teardown(() => kafka.stop())
  t.equal(kafka.pids().length, 1)
})

t.test('Kafka keeps what it has acknowledged across a kill -9', { timeout: 120_000 }, async (t) => {
  const kafka = await startKafka({ directory: temporaryFolder(t) })
  t.teardown(() => kafka.stop())
  const client = clientOf(kafka.bootstrapServers)
  const admin = client.admin()
  await admin.connect()
  await admin.createTopics({ topics: [{ topic: 'kept', numPartitions: 1 }] })
  await admin.disconnect()
  await produce(client, 'kept', VALUES)
  const before = kafka.pids().map(identityOf)
  t.equal(before.length, 1)

  await kafka.kill()
  t.notOk(before.some((it) => it && isAlive(it)))
  t.same(kafka.pids(), [])

  await kafka.restart()
  t.same(await consume(client, 'kept', VALUES.length), VALUES)
  await kafka.stop()
  t.same(kafka.pids(), [])
})

t.test('three brokers go on without one of them', { timeout: 180_000 }, async (t) => {
  const kafka = await startKafka({ directory: temporaryFolder(t), brokers: 3 })
  t.teardown(() => kafka.stop())
  t.equal(kafka.pids().length, 3)
  const client = clientOf(kafka.bootstrapServers)
  const admin = client.admin()
  await admin.connect()
  await admin.createTopics({ topics: [{ topic: 'kept', numPartitions: 1, replicationFactor: 3 }] })
  await admin.disconnect()
  await produce(client, 'kept', VALUES)
  await kafka.kill(1)
  t.equal(kafka.pids().length, 2)
  t.same(await consume(client, 'kept', VALUES.length), VALUES)
  await produce(client, 'kept', VALUES)
  await kafka.brokers[1]?.start()
  t.equal(kafka.pids().length, 3)
})

t.test(
  'ClickHouse keeps what it has acknowledged across a kill -9 and a stop',
  { timeout: 60_000 },
  async (t) => {
    const clickhouse = await startClickHouse({ directory: temporaryFolder(t) })
    t.teardown(() => clickhouse.stop())
    const client = createClient({ url: clickhouse.url })
    t.teardown(() => client.close())
    const count = async () => {
      const result = await client.query({
        query: 'SELECT count() AS n, sum(x) AS sum FROM millrace.kept',
        format: 'JSONEachRow',
      })
      return result.json()
    }
    await client.command({ query: 'CREATE DATABASE millrace' })
    await client.command({ query: 'CREATE TABLE millrace.kept (x UInt32) ENGINE = MergeTree ORDER BY x' })
    await client.insert({
      table: 'millrace.kept',
      values: VALUES.map((_, x) => ({ x })),
      format: 'JSONEachRow',
    })

    const [pid = 0] = clickhouse.pids()
    const before = identityOf(pid)
    await clickhouse.kill()
    t.notOk(before && isAlive(before))
    await clickhouse.server.start()
    t.same(await count(), [{ n: '500', sum: '124750' }])

    await clickhouse.restart()
    t.equal(clickhouse.server.status().lastExit, 'exit code 0', 'it stopped in order')
    t.same(await count(), [{ n: '500', sum: '124750' }])
  },
)

t.test('ClickHouse has the settings that tests rely on', { timeout: 60_000 }, async (t) => {
  const clickhouse = await startClickHouse({
    directory: temporaryFolder(t),
    maxServerMemoryBytes: 2 * 1024 ** 3,
  })
  t.teardown(() => clickhouse.stop())
  const client = createClient({ url: clickhouse.url })
  t.teardown(() => client.close())
  const result = await client.query({
    query: `SELECT timezone() AS zone, (SELECT value FROM system.server_settings WHERE name = 'max_server_memory_usage') AS memory`,
    format: 'JSONEachRow',
  })
  t.same(await result.json(), [{ zone: 'UTC', memory: String(2 * 1024 ** 3) }])
})

t.test('what is killed in a private stack comes back by itself, with its data', async (t) => {
  const stack = await startStack({ directory: temporaryFolder(t), parts: ['clickhouse'] })
  t.teardown(() => stack.stop())
  const client = createClient({ url: stack.clickhouse.url })
  t.teardown(() => client.close())
  await client.command({ query: 'CREATE DATABASE kept' })
  const before = stack.process('clickhouse').status().pid
  await stack.kill('clickhouse')
  await stack.untilReady('clickhouse')
  t.match(stack.process('clickhouse').status(), { restarts: 1, lastExit: 'SIGKILL' })
  t.not(stack.process('clickhouse').status().pid, before)
  const result = await client.query({ query: 'EXISTS DATABASE kept', format: 'JSONEachRow' })
  t.same(await result.json(), [{ result: 1 }])
  t.throws(() => stack.process('query'), /no process "query" here, but clickhouse/)
})
