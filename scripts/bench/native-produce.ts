// What ingest is measured against: one native `produce` per event, acks=all, and nothing around it.
//   node scripts/bench/native-produce.ts <brokers> <topic> <events>     prints CPU seconds per 1,000 events
import kafka from '@confluentinc/kafka-javascript'
import { sampleEvent } from './sample-events.ts'

const [brokers = '', topic = '', count = '0'] = process.argv.slice(2)
const producer = new kafka.Producer(
  {
    'bootstrap.servers': brokers,
    acks: -1,
    'enable.idempotence': true,
    'linger.ms': 2,
    'compression.codec': 'lz4',
    dr_cb: true,
  },
  {},
)
await new Promise<void>((resolve, reject) => {
  producer.connect({ timeout: 10_000 }, (error) => (error ? reject(error) : resolve()))
})
producer.setPollInBackground(true)

const values = Array.from({ length: 1_000 }, (_, index) =>
  Buffer.from(JSON.stringify(sampleEvent(String(index), index))),
)
await produce(2_000)
const before = process.cpuUsage()
await produce(Number(count))
const used = process.cpuUsage(before)
console.log((used.user + used.system) / 1e6 / (Number(count) / 1_000))
producer.disconnect(() => process.exit(0))

/** Keeps about as much on the way as the HTTP load does. */
function produce(events: number): Promise<void> {
  const onTheWay = 64
  return new Promise((resolve, reject) => {
    let sent = 0
    let confirmed = 0
    const next = (): void => {
      const value = values[sent % values.length]
      producer.produce(topic, null, value ?? null, String(sent), null)
      sent += 1
    }
    const onReport = (error: Error | { message: string } | null): void => {
      if (error) reject(new Error(error.message))
      confirmed += 1
      if (sent < events) next()
      else if (confirmed === events) {
        producer.removeListener('delivery-report', onReport)
        resolve()
      }
    }
    producer.on('delivery-report', onReport)
    for (let index = 0; index < Math.min(onTheWay, events); index += 1) next()
  })
}
