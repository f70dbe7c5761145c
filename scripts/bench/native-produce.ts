// What ingest is measured against: one native `produce` per event, acks=all, and nothing around it.
//   node scripts/bench/native-produce.ts <brokers> <topic> cost <events>              CPU seconds per 1,000 events
//   node scripts/bench/native-produce.ts <brokers> <topic> times <a second> <seconds> acknowledged round trips
// Prints one line of JSON.
import kafka, { type DeliveryReport, type LibrdKafkaError } from '@confluentinc/kafka-javascript'
import { runOpenLoop } from './open-loop.ts'
import { sampleEvent } from './sample-events.ts'

const [brokers = '', topic = '', what = '', ...numbers] = process.argv.slice(2)
const producer = new kafka.Producer(
  {
    'bootstrap.servers': brokers,
    acks: -1,
    'enable.idempotence': true,
    // The round trip is the broker's own: nothing waits for company.
    'linger.ms': what === 'times' ? 0 : 2,
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
console.log(JSON.stringify(what === 'times' ? await measureTimes() : await measureCost(Number(numbers[0]))))
producer.disconnect(() => process.exit(0))

async function measureCost(events: number): Promise<number> {
  await produce(2_000)
  const before = process.cpuUsage()
  await produce(events)
  const used = process.cpuUsage(before)
  return (used.user + used.system) / 1e6 / (events / 1_000)
}

async function measureTimes(): Promise<unknown> {
  await produce(2_000)
  producer.on('delivery-report', (error: LibrdKafkaError | null, report: DeliveryReport) => {
    if (error) throw new Error(error.message)
    ;(report.opaque as () => void)()
  })
  const [perSecond = 0, seconds = 0] = numbers.map(Number)
  return runOpenLoop(
    { perSecond, seconds },
    (index) =>
      new Promise((resolve) => {
        producer.produce(topic, null, values[index % values.length] ?? null, String(index), null, resolve)
      }),
  )
}

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
