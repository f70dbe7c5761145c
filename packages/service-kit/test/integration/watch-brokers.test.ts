import { randomUUID } from 'node:crypto'
import { setTimeout as delay } from 'node:timers/promises'
import t, { type Test } from 'tap'
import { readConfig } from '../../src/config.ts'
import type { KafkaConfig } from '../../src/kafka-client.ts'
import { connectKafkaConsumer } from '../../src/kafka-consumer.ts'
import { type LiveClient, liveClients } from '../../src/kafka-live-clients.ts'
import { connectKafkaProducer } from '../../src/kafka-producer.ts'
import { ensureTopics } from '../../src/kafka-topics.ts'
import { createLogger } from '../../src/log.ts'
import { createReadiness } from '../../src/readiness.ts'
import { kafkaSettings } from '../../src/shared-settings.ts'
import { countBrokersAnew, createBrokerLookout } from '../../src/watch-brokers.ts'
import { startBrokerProxy } from './broker-proxy.ts'

const logger = createLogger('service-kit-test', 'silent')

/** A proxy, a topic behind it, and a lookout whose process does not end but counts. */
async function startScene(t: Test) {
  const [broker] = (process.env.KAFKA_BROKERS ?? '').split(',')
  if (!broker) throw new Error('KAFKA_BROKERS is not set: run this through scripts/run-tests.ts integration')
  const proxy = await startBrokerProxy(broker)
  t.teardown(proxy.stop)
  const config: KafkaConfig = readConfig(kafkaSettings, {
    KAFKA_BROKERS: proxy.address,
    KAFKA_TOPIC_PREFIX: `t-${randomUUID()}-`,
    KAFKA_REPLICATION_FACTOR: '1',
    KAFKA_MIN_INSYNC_REPLICAS: '1',
  })
  const topic = { message: 'EventBatch', key: 'none', partitions: 1, cleanup: 'delete' } as const
  await ensureTopics([{ ...topic, name: 'samples', retentionMs: 60_000 }], config, logger)
  const readiness = createReadiness([])
  const ended = { times: 0 }
  const end = (): void => {
    ended.times += 1
  }
  const lookout = createBrokerLookout({
    clients: liveClients,
    countBrokers: countBrokersAnew,
    readiness,
    logger,
    end,
  })
  return { proxy, config, readiness, ended, lookout }
}

/** Reads nothing, but has asked for the topic, which makes it ask for its brokers too. */
async function startReader(t: Test, config: KafkaConfig, clientId: string): Promise<LiveClient> {
  const consumer = await connectKafkaConsumer(config, { clientId, groupId: clientId }, logger)
  t.teardown(() => consumer.stop())
  await consumer.watermarks(`${config.kafkaTopicPrefix}samples`, 0, 5_000)
  return liveClientOf(clientId)
}

function liveClientOf(clientId: string): LiveClient {
  const found = liveClients().find(({ name }) => name === clientId)
  if (found === undefined) throw new Error(`${clientId} is not among the clients that are watched over`)
  return found
}

async function until(condition: () => Promise<boolean>): Promise<void> {
  while (!(await condition())) await delay(20)
}

t.test('a client that finds no broker, where a new one finds it, makes the process end', async (t) => {
  const { proxy, config, readiness, ended, lookout } = await startScene(t)
  const cutOff = await startReader(t, config, 'cut-off')
  await startReader(t, config, 'well')
  await lookout.look()
  t.equal(lookout.withoutBroker(), 0)
  proxy.refuse(['cut-off'])
  await until(async () => !(await cutOff.hasBroker()))
  let looks = 0
  while (ended.times === 0) {
    await lookout.look()
    looks += 1
  }
  // More when the machine is so busy that a new client was not answered in time.
  t.ok(looks >= 4, `${looks} looks`)
  t.equal(lookout.withoutBroker(), 1)
  t.same(readiness.missing(), { 'kafka-clients': 'no broker is known any more to cut-off' })
  proxy.refuse([])
  await until(cutOff.hasBroker)
  await lookout.look()
  t.ok(readiness.isReady())
})

t.test('a client that is closed is not watched over any more', async (t) => {
  const { config } = await startScene(t)
  const consumer = await connectKafkaConsumer(config, { clientId: 'closed', groupId: 'closed' }, logger)
  const options = { clientId: 'closed', deliveryTimeoutMs: 5_000, lingerMs: 1, maxUnconfirmedBytes: 1_000 }
  const producer = await connectKafkaProducer(config, options, logger)
  t.equal(liveClients().length, 2)
  await Promise.all([consumer.stop(), producer.stop(5_000)])
  t.same(liveClients(), [])
})

// librdkafka loses a race or wins it: some of the clients forget their brokers for good, others come back.
t.test('no client that a fenced broker has left without any stays so unnoticed', async (t) => {
  const { proxy, config, readiness, ended, lookout } = await startScene(t)
  for (const name of ['a', 'b', 'c', 'd', 'e', 'f']) await startReader(t, config, name)
  proxy.fence(true)
  // Being asked, they ask for metadata.
  for (let look = 0; look < 5; look += 1) await lookout.look()
  t.equal(await countBrokersAnew(config), 0)
  t.equal(ended.times, 0, 'nothing ends while Kafka is away')
  t.ok(readiness.isReady())
  proxy.fence(false)
  do await lookout.look()
  while (ended.times === 0 && lookout.withoutBroker() > 0)
  const forgotten = lookout.withoutBroker()
  t.comment(`${forgotten} of 6 clients have forgotten their broker`)
  t.equal(ended.times, forgotten > 0 ? 1 : 0)
})
