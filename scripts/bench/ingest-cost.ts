import type { TopicDescription } from '@millrace/proto/topics'
import { readConfig } from '@millrace/service-kit/config'
import { ensureTopics } from '@millrace/service-kit/kafka-topics'
import { createLogger } from '@millrace/service-kit/log'
import { kafkaSettings } from '@millrace/service-kit/shared-settings'
import autocannon from 'autocannon'
import { type BenchMesh, eventsPartitions } from './bench-mesh.ts'
import { median, serviceCpuSeconds, startNode } from './measure.ts'
import { sampleEvent } from './sample-events.ts'

const rounds = 3
const singles = 20_000
const batches = 1_000
const batchSize = 100

/** CPU seconds per 1,000 events, medians of the rounds. */
export interface IngestCost {
  readonly bareFastify: number
  readonly nativeProducer: number
  readonly ingestSingle: number
  readonly ingestBatch: number
}

/** Ingest's own CPU per event beside a bare route and the native producer, all in turn within the same minutes. */
export async function measureIngestCost(mesh: BenchMesh): Promise<IngestCost> {
  const bare = await startNode(new URL('bare-fastify.ts', import.meta.url), [])
  const ingest = await mesh.start('ingest')
  const bareUrl = await bare.firstLine
  await createTopic(mesh)
  const single = JSON.stringify(sampleEvent('bench-1', 1))
  const batch = JSON.stringify(
    Array.from({ length: batchSize }, (_, index) => sampleEvent(`bench-${index}`, index)),
  )
  const key = { authorization: `Bearer ${mesh.key}` }
  const bareCpu = async (): Promise<number> => {
    const { user, system } = (await (await fetch(`${bareUrl}/cpu`)).json()) as NodeJS.CpuUsage
    return (user + system) / 1e6
  }
  const ingestCpu = () => serviceCpuSeconds(ingest.operationsPort)
  const variants: Record<keyof IngestCost, () => Promise<number>> = {
    bareFastify: () =>
      cost(bareCpu, singles, () => post(bareUrl, single, 'application/cloudevents+json', singles)),
    nativeProducer: () => produceNatively(mesh),
    ingestSingle: () =>
      cost(ingestCpu, singles, () =>
        post(ingest.httpUrl, single, 'application/cloudevents+json', singles, key),
      ),
    ingestBatch: () =>
      cost(ingestCpu, batches * batchSize, () =>
        post(ingest.httpUrl, batch, 'application/cloudevents-batch+json', batches, key),
      ),
  }
  const figures: Record<keyof IngestCost, number[]> = {
    bareFastify: [],
    nativeProducer: [],
    ingestSingle: [],
    ingestBatch: [],
  }
  try {
    // Round 0 warms everything up.
    for (let round = 0; round <= rounds; round += 1) {
      for (const name of Object.keys(variants) as (keyof IngestCost)[]) {
        const figure = await variants[name]()
        if (round > 0) figures[name].push(figure)
      }
    }
  } finally {
    await Promise.all([bare.stop(), ingest.stop()])
  }
  return {
    bareFastify: median(figures.bareFastify),
    nativeProducer: median(figures.nativeProducer),
    ingestSingle: median(figures.ingestSingle),
    ingestBatch: median(figures.ingestBatch),
  }
}

/** CPU seconds per 1,000 events of what runs in between. */
async function cost(cpu: () => Promise<number>, events: number, load: () => Promise<void>): Promise<number> {
  const before = await cpu()
  await load()
  return ((await cpu()) - before) / (events / 1_000)
}

async function post(
  url: string,
  body: string,
  type: string,
  amount: number,
  headers: Record<string, string> = {},
): Promise<void> {
  const result = await autocannon({
    url: `${url}/v1/events`,
    method: 'POST',
    headers: { 'content-type': type, ...headers },
    body,
    amount,
    connections: 64,
  })
  if (result['2xx'] !== amount)
    throw new Error(`${result['2xx']} of ${amount} requests were answered with 2xx`)
}

const nativeTopic: TopicDescription = {
  name: 'bench.native',
  message: 'EventBatch',
  key: 'a number',
  partitions: 'events',
  cleanup: 'delete',
}

async function createTopic(mesh: BenchMesh): Promise<void> {
  const config = readConfig(kafkaSettings, {
    KAFKA_BROKERS: mesh.kafka.bootstrapServers,
    KAFKA_REPLICATION_FACTOR: '1',
    KAFKA_MIN_INSYNC_REPLICAS: '1',
    KAFKA_EVENTS_PARTITIONS: String(eventsPartitions),
  })
  await ensureTopics([nativeTopic], config, createLogger('bench', 'warn'))
}

async function produceNatively(mesh: BenchMesh): Promise<number> {
  const args = [mesh.kafka.bootstrapServers, nativeTopic.name, String(singles)]
  const child = await startNode(new URL('native-produce.ts', import.meta.url), args)
  const printed = await child.firstLine
  await child.stop()
  if (!(Number(printed) > 0)) throw new Error(`native-produce said ${JSON.stringify(printed)}`)
  return Number(printed)
}
