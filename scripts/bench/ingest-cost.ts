import type { BenchMesh, BenchService } from './bench-mesh.ts'
import { median, type NodeProcess, serviceCpuSeconds, startNode } from './measure.ts'
import { createNativeTopic, nativeTopic } from './native-topic.ts'
import { measuredCore, pinToCores } from './pin-cores.ts'
import { postEvents } from './run-autocannon.ts'
import { publishOverStream } from './run-publish-stream.ts'
import { sampleEvent } from './sample-events.ts'

const rounds = 5
const singles = 20_000
const batchSize = 100
const batches = 600

/** CPU seconds per 1,000 events. */
export interface IngestCost {
  readonly bareFastify: number
  readonly nativeProducer: number
  readonly single: number
  readonly batch: number
  readonly stream: number
  readonly streamBatch: number
}

export interface IngestFigures {
  /** Medians of the rounds. */
  readonly cost: IngestCost
  /** To a bare route and the native producer together, each beside those of its own round; medians of the rounds. */
  readonly ratios: IngestCost
  /** Single events over HTTP as fast as they are answered: the highest load that is sustained. */
  readonly singlesPerSecond: number
}

/**
 * Ingest's own CPU per event beside a bare route and the native producer, all in turn within the same minutes; each has
 * the measured core.
 */
export async function measureIngestCost(
  mesh: BenchMesh,
  ingest: BenchService,
  key: string,
): Promise<IngestFigures> {
  const bare = await startNode(new URL('bare-fastify.ts', import.meta.url), [])
  await createNativeTopic(mesh)
  const figures: Record<keyof IngestCost, number[]> = {
    bareFastify: [],
    nativeProducer: [],
    single: [],
    batch: [],
    stream: [],
    streamBatch: [],
  }
  const rates: number[] = []
  pinToCores([bare.pid], measuredCore)
  try {
    const variants = createVariants(mesh, await bareRoute(bare), ingest, key, rates)
    // Round 0 warms everything up.
    for (let round = 0; round <= rounds; round += 1) {
      for (const name of Object.keys(variants) as (keyof IngestCost)[]) {
        const figure = await variants[name]()
        if (round > 0) figures[name].push(figure)
      }
    }
  } finally {
    await bare.stop()
  }
  const both = figures.bareFastify.map(
    (bareFastify, round) => bareFastify + (figures.nativeProducer[round] ?? 0),
  )
  return {
    cost: mapCost(figures, median),
    ratios: mapCost(figures, (values) => median(values.map((value, round) => value / (both[round] ?? 0)))),
    singlesPerSecond: median(rates.slice(1)),
  }
}

function mapCost(
  figures: Readonly<Record<keyof IngestCost, readonly number[]>>,
  toFigure: (values: readonly number[]) => number,
): IngestCost {
  return Object.fromEntries(
    Object.entries(figures).map(([name, values]) => [name, toFigure(values)]),
  ) as unknown as IngestCost
}

type Cpu = () => Promise<number>

function createVariants(
  mesh: BenchMesh,
  bare: { readonly url: string; readonly cpu: Cpu },
  ingest: BenchService,
  key: string,
  rates: number[],
): Record<keyof IngestCost, () => Promise<number>> {
  const events = Array.from({ length: 1_000 }, (_, index) => sampleEvent(`bench-${index}`, index))
  const bodies = events.map((event) => JSON.stringify(event))
  const batchBodies = Array.from({ length: events.length / batchSize }, (_, index) =>
    JSON.stringify(events.slice(index * batchSize, (index + 1) * batchSize)),
  )
  const single = { contentType: 'application/cloudevents+json', bodies, requests: singles }
  const batch = { contentType: 'application/cloudevents-batch+json', bodies: batchBodies, requests: batches }
  const headers = { authorization: `Bearer ${key}` }
  const cpu: Cpu = () => serviceCpuSeconds(ingest.operationsPort)
  const stream = (requests: number, eventsPerRequest: number): Promise<number> =>
    cost(cpu, requests * eventsPerRequest, () =>
      publishOverStream({ target: ingest.grpc, key, requests, eventsPerRequest }),
    )
  return {
    bareFastify: () => cost(bare.cpu, singles, () => postEvents({ url: bare.url, ...single })),
    nativeProducer: () => produceNatively(mesh),
    single: () =>
      cost(cpu, singles, async () => {
        rates.push((await postEvents({ url: ingest.httpUrl, ...single, headers })).perSecond)
      }),
    batch: () => cost(cpu, batches * batchSize, () => postEvents({ url: ingest.httpUrl, ...batch, headers })),
    stream: () => stream(singles, 1),
    streamBatch: () => stream(batches, batchSize),
  }
}

/** CPU seconds per 1,000 events of what runs in between. */
async function cost(cpu: Cpu, events: number, load: () => Promise<unknown>): Promise<number> {
  const before = await cpu()
  await load()
  return ((await cpu()) - before) / (events / 1_000)
}

async function bareRoute(bare: NodeProcess): Promise<{ url: string; cpu: Cpu }> {
  const url = await bare.firstLine
  return {
    url,
    cpu: async () => {
      const { user, system } = (await (await fetch(`${url}/cpu`)).json()) as NodeJS.CpuUsage
      return (user + system) / 1e6
    },
  }
}

async function produceNatively(mesh: BenchMesh): Promise<number> {
  const args = [mesh.kafka.bootstrapServers, nativeTopic.name, 'cost', String(singles)]
  const child = await startNode(new URL('native-produce.ts', import.meta.url), args)
  pinToCores([child.pid], measuredCore)
  const printed = await child.firstLine
  await child.stop()
  if (!(Number(printed) > 0)) throw new Error(`native-produce said ${JSON.stringify(printed)}`)
  return Number(printed)
}
