// Five years of healthcare events with changing rates, settlements and retractions: the monthly sums by caregiver, paid
// and unpaid, have to equal a plain computation.  node scripts/ledger/main.ts [EVENTS, 5,000,000 by default]
import { mkdtempSync } from 'node:fs'
import { rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { EventBatch, type EventRecord } from '@millrace/proto'
import { eventPartition } from '@millrace/proto/event-partition'
import { eventsTopic } from '@millrace/proto/topics'
import { readConfig } from '@millrace/service-kit/config'
import { connectKafkaProducer } from '@millrace/service-kit/kafka-producer'
import { createLogger } from '@millrace/service-kit/log'
import { kafkaSettings } from '@millrace/service-kit/shared-settings'
import { fetchUntilGood, startServiceProcess } from '../api/service-process.ts'
import { createMeshHttp } from '../client/mesh-http.ts'
import { startClickHouse, startKafka } from '../local-stack/index.ts'
import { waitUntil } from '../local-stack/wait-until.ts'
import { rates } from '../test/money/care.ts'
import {
  addToLedger,
  careOf,
  firstMs,
  type Ledger,
  lastMs,
  ledgerKey,
  timezone,
  toChanges,
  toEvent,
} from './care-ledger.ts'

const count = Number(process.argv[2] ?? 5_000_000)
const partitions = 4
const perMessage = 200
/** Changes of an event follow it by so many events. */
const chunk = 20_000
const key = 'mr_root_ledger_only_on_loopback'

const directory = mkdtempSync(join(tmpdir(), 'millrace-ledger-'))
const [kafka, clickhouse] = await Promise.all([
  startKafka({ directory: join(directory, 'kafka') }),
  startClickHouse({ directory: join(directory, 'clickhouse') }),
])
const environment = {
  KAFKA_BROKERS: kafka.bootstrapServers,
  KAFKA_REPLICATION_FACTOR: '1',
  KAFKA_MIN_INSYNC_REPLICAS: '1',
  KAFKA_EVENTS_PARTITIONS: String(partitions),
  CLICKHOUSE_URL: clickhouse.url,
  MILLRACE_ROOT_KEY: key,
}
const aggregator = await startServiceProcess('aggregator', environment)
const ingest = await startServiceProcess('ingest', environment)
const query = await startServiceProcess('query', {
  ...environment,
  AGGREGATOR_ADDRESSES: aggregator.grpcAddress,
})
const services = [aggregator, ingest, query]
try {
  await Promise.all(services.map((it) => fetchUntilGood(`${it.operations}/healthz/ready`, it, 300_000)))
  process.exitCode = (await run()) ? 0 : 1
} finally {
  await Promise.all(services.map((service) => service.stop()))
  await Promise.all([kafka.stop(), clickhouse.stop()])
  await rm(directory, { recursive: true, force: true })
}

async function run(): Promise<boolean> {
  const http = createMeshHttp({ ingestUrl: ingest.address, ingestGrpc: '', queryUrl: query.address, key })
  for (const [type, list] of Object.entries(rates)) await http.put(`/v1/event-types/${type}`, { rates: list })
  const eventTypes = Object.keys(rates)
  await http.put('/v1/meters/care', { eventTypes, aggregation: 'amount', groupBy: { caregiver: '/subject' } })
  const startedAt = performance.now()
  const ledger: Ledger = new Map()
  const changes = await produce(ledger)
  const sentAt = new Date().toISOString()
  const seconds = (): string => ((performance.now() - startedAt) / 1_000).toFixed(1)
  console.log(`${count} events and ${changes} settlements and retractions sent after ${seconds()} s`)
  const range = { from: new Date(firstMs).toISOString(), to: new Date(lastMs).toISOString() }
  await waitUntil(async () => (await http.report('care', { ...range, limit: '1' })).dataThrough > sentAt, {
    timeoutMs: 3_600_000,
    everyMs: 500,
    what: 'everything has landed',
  })
  console.log(`landed after ${seconds()} s`)
  const askedAt = performance.now()
  const { rows } = await http.report('care', { ...range, window: 'month', timezone, groupBy: 'caregiver' })
  console.log(`${rows.length} monthly sums in ${Math.round(performance.now() - askedAt)} ms`)
  const found = new Map(
    rows.map(({ windowStart, group, value }) => [
      ledgerKey(Date.parse(windowStart), group.caregiver ?? '', group.currency ?? '', group.settled ?? ''),
      BigInt(value),
    ]),
  )
  const wrong = [...new Set([...ledger.keys(), ...found.keys()])].filter(
    (name) => ledger.get(name) !== found.get(name),
  )
  for (const name of wrong.slice(0, 10)) {
    console.log(`${name}: ${found.get(name)} instead of ${ledger.get(name)}`)
  }
  console.log(`${ledger.size} sums computed plainly, ${wrong.length} differ`)
  return wrong.length === 0 && ledger.size > 0
}

/** Packed messages of one partition each, as ingest sends them. @returns the number of changes */
async function produce(ledger: Ledger): Promise<number> {
  const producer = await connectKafkaProducer(
    readConfig(kafkaSettings, { KAFKA_BROKERS: kafka.bootstrapServers }),
    { clientId: 'ledger', deliveryTimeoutMs: 120_000, lingerMs: 5, maxUnconfirmedBytes: 256 * 1024 * 1024 },
    createLogger('ledger', 'warn'),
  )
  const packs = Array.from({ length: partitions }, (): EventRecord[] => [])
  let sends: Promise<number>[] = []
  let changes = 0
  const flush = (partition: number): void => {
    const records = packs[partition]?.splice(0) ?? []
    const value = Buffer.from(EventBatch.encode({ records, catalogThrough: 0 }).finish())
    sends.push(producer.send({ topic: eventsTopic.name, partition, value }))
  }
  const add = (partition: number, record: EventRecord): void => {
    packs[partition]?.push(record)
    if (packs[partition]?.length === perMessage) flush(partition)
  }
  for (let at = 0; at < count + chunk; at += 1) {
    if (at < count) {
      const care = careOf(at)
      const value = toEvent(care)
      add(eventPartition(value, partitions), { record: { $case: 'event', value } })
      addToLedger(ledger, care)
    }
    if (at >= chunk) {
      const care = careOf(at - chunk)
      const partition = eventPartition(toEvent(care), partitions)
      for (const record of toChanges(care)) {
        add(partition, record)
        changes += 1
      }
    }
    if (sends.length >= 500) {
      await Promise.all(sends)
      sends = []
    }
  }
  for (const partition of packs.keys()) flush(partition)
  await Promise.all(sends)
  await producer.stop(10_000)
  return changes
}
