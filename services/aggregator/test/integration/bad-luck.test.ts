import { CatalogRecord } from '@millrace/proto'
import { catalogTopic, eventsTopic, storingGroup } from '@millrace/proto/topics'
import { connectKafkaConsumer } from '@millrace/service-kit/kafka-consumer'
import { createLogger } from '@millrace/service-kit/log'
import t from 'tap'
import { differingRollups } from './differing-rollups.ts'
import { createMeshFixture, makeEvent, until } from './mesh-fixture.ts'
import { readMetric } from './read-metric.ts'
import { refusals, startRefusingClickhouse } from './refusing-clickhouse.ts'

t.setTimeout(120_000)

t.test('blocks that ClickHouse refuses are inserted later, once, and the reason is told', async (t) => {
  const clickhouse = await startRefusingClickhouse(t, process.env.CLICKHOUSE_URL ?? '')
  const mesh = await createMeshFixture(t, { CLICKHOUSE_URL: clickhouse.url })
  await mesh.putMeter('visits', { eventTypes: ['visit.recorded'], aggregation: 'count' })
  const service = await mesh.startAggregator()
  await mesh.publish([makeEvent()])
  await until('the first event', async () => (await mesh.landed()) === 1)
  const codes = Object.keys(refusals).map(Number)
  clickhouse.refuse([...codes, ...codes])
  await mesh.publish(Array.from({ length: 500 }, () => makeEvent()))
  // Some land although they are refused; they are inserted again all the same.
  await until('all refusals', () => clickhouse.left() === 0)
  await until('the service is well again', () => !('clickhouse' in service.readiness.missing()))
  await until('all events', async () => (await mesh.landed()) === 501)
  t.equal(await mesh.value('SELECT count(), uniqExact(id) FROM events'), '501\t501')
  t.strictSame(await differingRollups(mesh), [])
  for (const code of codes) {
    t.equal(await readMetric(service, 'millrace_aggregator_insert_retries_total', String(code)), 2, `${code}`)
  }
})

t.test('events whose type is deleted while they wait land without a schema', async (t) => {
  const mesh = await createMeshFixture(t)
  await mesh.putMeter('visits', { eventTypes: ['visit.recorded'], aggregation: 'count' })
  await mesh.putEventType('visit.recorded', { schema: { type: 'object', required: ['nothing has it'] } })
  await mesh.publish(Array.from({ length: 20 }, () => makeEvent()))
  const deletion: CatalogRecord = {
    tenant: 'default',
    kind: 'event-type',
    name: 'visit.recorded',
    version: 2,
    deleted: true,
    json: '',
    writtenAtUs: Date.now() * 1_000,
    writtenBy: 'test',
  }
  const value = Buffer.from(CatalogRecord.encode(deletion).finish())
  await mesh.producer.send({
    topic: mesh.topic(catalogTopic.name),
    key: 'default/event-type/visit.recorded',
    value,
  })
  const service = await mesh.startAggregator()
  await until('all events', async () => (await mesh.landed()) === 20)
  t.equal(await mesh.value('SELECT count() FROM invalid_events'), '0')
  t.equal(await readMetric(service, 'millrace_aggregator_events_unregistered_total'), 20)
})

t.test(
  'a log that ends before what was committed is read from its start, and nothing counts twice',
  async (t) => {
    const mesh = await createMeshFixture(t)
    await mesh.putMeter('visits', { eventTypes: ['visit.recorded'], aggregation: 'count' })
    const first = await mesh.startAggregator()
    const events = Array.from({ length: 50 }, () => makeEvent())
    await mesh.publish(events)
    await until('the events', async () => (await mesh.landed()) === 50)
    await first.stop()
    // As after a broker that came back without its last messages.
    const logger = createLogger('test', 'silent')
    const group = { clientId: 'test', groupId: storingGroup }
    const consumer = await connectKafkaConsumer(mesh.config, group, logger)
    const topic = mesh.topic(eventsTopic.name)
    await consumer.commit([0, 1].map((partition) => ({ topic, partition, offset: 1_000 })))
    await consumer.stop()
    const second = await mesh.startAggregator()
    await mesh.publish([...events, makeEvent()])
    await until('the new event', async () => (await mesh.landed()) === 51)
    t.equal(await readMetric(second, 'millrace_aggregator_offsets_missing_total'), 2)
    t.equal(await mesh.value('SELECT count(), uniqExact(id) FROM events'), '51\t51')
    t.strictSame(await differingRollups(mesh), [])
  },
)
