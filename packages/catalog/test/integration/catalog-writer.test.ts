import { randomBytes } from 'node:crypto'
import kafka, { type LibrdKafkaError } from '@confluentinc/kafka-javascript'
import { catalogTopic } from '@millrace/proto/topics'
import { readConfig } from '@millrace/service-kit/config'
import type { KafkaConfig } from '@millrace/service-kit/kafka-client'
import { ensureTopics } from '@millrace/service-kit/kafka-topics'
import { createLogger } from '@millrace/service-kit/log'
import { kafkaSettings } from '@millrace/service-kit/shared-settings'
import t, { type Test } from 'tap'
import { type CatalogReader, startCatalogReader } from '../../src/catalog-reader.ts'
import { type CatalogWriter, createCatalogWriter } from '../../src/catalog-writer.ts'
import { readCatalogThrough } from '../../src/read-catalog-through.ts'

const logger = createLogger('test', 'silent')
const write = {
  tenant: 'default',
  kind: 'meter',
  name: 'visits',
  application: 'root',
} as const

async function freshMesh(): Promise<KafkaConfig> {
  if (process.env.KAFKA_BROKERS === undefined) throw new Error('KAFKA_BROKERS has to name a running Kafka')
  const config = readConfig(kafkaSettings, {
    KAFKA_BROKERS: process.env.KAFKA_BROKERS,
    KAFKA_TOPIC_PREFIX: `t-${randomBytes(6).toString('hex')}-`,
    KAFKA_REPLICATION_FACTOR: '1',
    KAFKA_MIN_INSYNC_REPLICAS: '1',
  })
  await ensureTopics([catalogTopic], config, logger)
  return config
}

async function startInstance(
  t: Test,
  config: KafkaConfig,
  name: string,
): Promise<{ reader: CatalogReader; writer: CatalogWriter }> {
  const reader = await startCatalogReader(config, logger, name)
  const writer = createCatalogWriter(
    { reader, config, logger },
    { clientId: `${name}-writer`, timeoutMs: 20_000, now: () => Date.now() * 1_000 },
  )
  t.teardown(async () => {
    await writer.stop()
    await reader.stop()
  })
  return { reader, writer }
}

t.test('a write is seen on the same instance at once, and on another one soon', async (t) => {
  const config = await freshMesh()
  const here = await startInstance(t, config, 'here')
  const there = await startInstance(t, config, 'there')
  const result = await here.writer.write({ ...write, body: { a: 1 } })
  t.match(result, { version: 1, created: true })
  t.equal(here.reader.store.versionOf('default', 'meter', 'visits'), 1)
  await there.reader.readThrough(here.reader.position())
  t.same(there.reader.store.meter('default', 'visits')?.body, { a: 1 })
})

t.test('who saw more of the catalog than there is gets all there is', async (t) => {
  const config = await freshMesh()
  const { writer } = await startInstance(t, config, 'here')
  const { reader } = await startInstance(t, config, 'there')
  await writer.write({ ...write, body: { a: 1 } })
  await reader.readThroughOrToEnd(1_000_000)
  t.equal(reader.store.versionOf('default', 'meter', 'visits'), 1)
  t.ok(reader.position() < 1_000_000)
  await reader.readThroughOrToEnd(1)
})

t.test('the reader passes the control records of transactions, committed and aborted', async (t) => {
  const config = await freshMesh()
  const { reader, writer } = await startInstance(t, config, 'here')
  for (let version = 1; version <= 3; version += 1) {
    await writer.write({ ...write, body: { version } })
    await reader.readToEnd()
    t.equal(reader.position(), version * 2, 'a record and its commit marker')
  }
  await abortTransaction(config)
  await reader.readToEnd()
  t.equal(reader.position(), 8, 'a record and its abort marker')
  t.equal(reader.store.versionOf('default', 'meter', 'visits'), 3)
  const late = await startInstance(t, config, 'late')
  t.equal(late.reader.store.versionOf('default', 'meter', 'visits'), 3)
})

t.test('of two instances that race on one version, one wins and the other gets 412', async (t) => {
  const config = await freshMesh()
  const one = await startInstance(t, config, 'one')
  const two = await startInstance(t, config, 'two')
  await one.writer.write({ ...write, body: { round: 0 } })
  for (let round = 1; round <= 5; round += 1) {
    const outcomes = await Promise.allSettled(
      [one, two].map(({ writer }, by) => writer.write({ ...write, body: { round, by }, ifMatch: [round] })),
    )
    const won = outcomes.filter((outcome) => outcome.status === 'fulfilled')
    const lost = outcomes.filter((outcome) => outcome.status === 'rejected')
    t.same([won.length, lost.length], [1, 1], `round ${round}`)
    t.equal(won[0]?.value.version, round + 1)
    t.match(lost[0]?.reason, { code: 'precondition-failed' })
  }
})

t.test('writes of two instances without If-Match all happen, each with a version of its own', async (t) => {
  const config = await freshMesh()
  const one = await startInstance(t, config, 'one')
  const two = await startInstance(t, config, 'two')
  const results = await Promise.all(
    Array.from({ length: 10 }, (_, n) => (n % 2 ? one : two).writer.write({ ...write, body: { n } })),
  )
  const versions = results.map((result) => result.version).sort((a, b) => a - b)
  t.same(versions, [1, 2, 3, 4, 5, 6, 7, 8, 9, 10])
})

t.test('the catalog is read as it was at any offset, deletions included', async (t) => {
  const config = await freshMesh()
  const { reader, writer } = await startInstance(t, config, 'here')
  const bodies = [{ v: 1 }, { v: 2 }, undefined, { v: 4 }]
  // Before the first write, and after each.
  const positions = [reader.position()]
  for (const body of bodies) {
    await writer.write({ ...write, body })
    await writer.write({ ...write, name: 'another', body: { of: body?.v ?? 0 } })
    await reader.readToEnd()
    positions.push(reader.position())
  }
  const seen = []
  for (const offset of positions) {
    const store = await readCatalogThrough(config, logger, { service: 'test', offset, timeoutMs: 20_000 })
    seen.push(store.meter('default', 'visits')?.body)
    t.equal(store.versionOf('default', 'meter', 'visits'), positions.indexOf(offset))
  }
  t.same(seen, [undefined, ...bodies])
  const before = await readCatalogThrough(config, logger, {
    service: 'test',
    offset: reader.store.writtenAt('default', 'meter', 'visits'),
    timeoutMs: 20_000,
  })
  t.equal(before.meter('default', 'visits'), undefined, 'a record at the offset itself is not applied')
  await t.rejects(
    readCatalogThrough(config, logger, { service: 'test', offset: 1_000_000, timeoutMs: 20_000 }),
    /cannot be read through/,
  )
})

/** Writes a record by another transactional id and takes it back. */
async function abortTransaction(config: KafkaConfig): Promise<void> {
  const producer = new kafka.Producer(
    {
      'bootstrap.servers': config.kafkaBrokers.join(','),
      'transactional.id': `${config.kafkaTopicPrefix}aborter`,
      'linger.ms': 0,
      dr_cb: true,
    },
    {},
  )
  const call = (start: (done: (error?: LibrdKafkaError | null) => void) => unknown): Promise<void> =>
    new Promise((resolve, reject) => {
      start((error) => (error ? reject(error) : resolve()))
    })
  await call((done) => producer.connect({}, done))
  producer.setPollInBackground(true)
  await call((done) => producer.initTransactions(10_000, done))
  await call((done) => producer.beginTransaction(done))
  const delivered = new Promise<void>((resolve) => producer.once('delivery-report', () => resolve()))
  producer.produce(config.kafkaTopicPrefix + catalogTopic.name, 0, Buffer.from('never read'), 'key')
  await delivered
  await call((done) => producer.abortTransaction(10_000, done))
  await call((done) => producer.disconnect(done))
}
