// Puts a record that nothing can decode into each topic that services read events and postbacks from: no client can send
// one, a damaged disk or a stranger's producer can. Runs where the services' settings are, in a container of one:
//   docker compose exec -T --workdir /app/services/aggregator aggregator node --input-type=module-typescript - < scripts/containers/put-undecodable.ts
import { eventsTopic, postbacksTopic } from '@millrace/proto/topics'
import { readConfig } from '@millrace/service-kit/config'
import { connectKafkaProducer } from '@millrace/service-kit/kafka-producer'
import { createLogger } from '@millrace/service-kit/log'
import { kafkaSettings } from '@millrace/service-kit/shared-settings'

const config = readConfig(kafkaSettings, process.env)
const producer = await connectKafkaProducer(
  config,
  { clientId: 'put-undecodable', deliveryTimeoutMs: 10_000, lingerMs: 0, maxUnconfirmedBytes: 1_000 },
  createLogger('put-undecodable', 'info'),
)
for (const { name } of [eventsTopic, postbacksTopic]) {
  const topic = config.kafkaTopicPrefix + name
  const offset = await producer.send({ topic, partition: 0, value: Buffer.from([0xff, 0xff]) })
  console.log(`${topic}: ${offset}`)
}
await producer.stop(10_000)
