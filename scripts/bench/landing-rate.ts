import { setTimeout as sleep } from 'node:timers/promises'
import { credentials, Metadata } from '@grpc/grpc-js'
import { AggregationServiceClient, type Progress } from '@millrace/proto'
import { type BenchMesh, type BenchService, eventsPartitions } from './bench-mesh.ts'
import {
  askClickhouse,
  type ClickhouseCpu,
  readClickhouseCpu,
  untilMergesRest,
} from './landing-clickhouse.ts'
import { processCpuSeconds, readServiceMetric, residentMiB } from './measure.ts'
import { measuredCore, pinToCores } from './pin-cores.ts'
import { produceEvents } from './produce-events.ts'

export interface LandingRate {
  readonly rowsPerSecond: number
  /** CPU seconds per 1,000 rows from here on; NaN where they cannot be read. */
  readonly aggregator: number
  /** What the rows' merges take is in it. */
  readonly clickhouse: number
  /** Of ClickHouse's: by the threads that merge. */
  readonly merges: number
  /**
   * Of both, without merges: until the partitions are taken up, which has ids read back that landed before. No cost of
   * an event, but what landed meanwhile is in it.
   */
  readonly takingUp: number
  /** Of the aggregator at a quarter of the rows, at half of them and at the end; without the ids that it keeps. */
  readonly memoryMiB: readonly number[]
  readonly idsMiB: number
}

const watchEveryMs = 250

/**
 * From Kafka into ClickHouse by the aggregator: validated, without repeats, three meters on. The events wait in Kafka
 * when it starts. Its start is left out until it is ready, as those of Kafka and ClickHouse are.
 */
export async function measureLandingRate(mesh: BenchMesh, events: number): Promise<LandingRate> {
  const before = await countEvents(mesh)
  await produceEvents(mesh, events)
  await untilMergesRest(mesh)
  const aggregator = await mesh.start('aggregator')
  pinToCores([aggregator.pid], measuredCore)
  const cpu = readLandingCpu(mesh, aggregator)
  const startedAt = performance.now()
  const already = (await countEvents(mesh)) - before
  await untilTakenUp(aggregator, mesh.key)
  const takenUp = readLandingCpu(mesh, aggregator)
  const memoryMiB: number[] = []
  for (const share of [0.25, 0.5, 1]) {
    await untilLanded(mesh, before + events * share)
    memoryMiB.push(residentMiB(aggregator.pid) - (await readIdsMiB(aggregator)))
  }
  const seconds = (performance.now() - startedAt) / 1_000
  const landed = readLandingCpu(mesh, aggregator)
  await untilMergesRest(mesh)
  const merged = readLandingCpu(mesh, aggregator)
  const thousands = (events - already) / 1_000
  const rate = {
    rowsPerSecond: (events - already) / seconds,
    aggregator: (landed.aggregator - cpu.aggregator) / thousands,
    clickhouse: (merged.clickhouse - cpu.clickhouse) / thousands,
    merges: (merged.merges - cpu.merges) / thousands,
    takingUp: (withoutMerges(takenUp) - withoutMerges(cpu)) / thousands,
    memoryMiB,
    idsMiB: await readIdsMiB(aggregator),
  }
  await aggregator.stop()
  return rate
}

/** Until the aggregator tells of every partition: it has read back then what landed there before. */
function untilTakenUp({ grpc }: BenchService, key: string): Promise<void> {
  const client = new AggregationServiceClient(grpc, credentials.createInsecure())
  const metadata = new Metadata()
  metadata.set('authorization', `Bearer ${key}`)
  const call = client.watchProgress({}, metadata)
  return new Promise<void>((resolve, reject) => {
    call.on('data', ({ landed }: Progress) => {
      if (landed.length === eventsPartitions) resolve()
    })
    // Without effect once all are there: it is cancelled then.
    call.on('error', reject)
  }).finally(() => {
    call.cancel()
    client.close()
  })
}

/** In ClickHouse each look costs a little: seldom enough not to count. */
export async function untilLanded(mesh: BenchMesh, rows: number): Promise<void> {
  const deadline = performance.now() + 3_600_000
  while ((await countEvents(mesh)) < rows) {
    if (performance.now() > deadline) throw new Error(`${rows} rows have not landed within an hour`)
    await sleep(watchEveryMs)
  }
}

async function countEvents(mesh: BenchMesh): Promise<number> {
  return Number(await askClickhouse(mesh, 'SELECT count() FROM millrace.events'))
}

async function readIdsMiB({ operationsPort }: BenchService): Promise<number> {
  const bytes = await readServiceMetric(operationsPort, 'millrace_aggregator_seen_ids_bytes')
  return Math.round(bytes / 2 ** 20)
}

export interface LandingCpu extends ClickhouseCpu {
  readonly aggregator: number
}

export function readLandingCpu(mesh: BenchMesh, aggregator: BenchService): LandingCpu {
  return { ...readClickhouseCpu(mesh), aggregator: processCpuSeconds([aggregator.pid]) }
}

function withoutMerges({ aggregator, clickhouse, merges }: LandingCpu): number {
  return aggregator + clickhouse - merges
}
