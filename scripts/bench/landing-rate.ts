import { setTimeout as sleep } from 'node:timers/promises'
import type { BenchMesh, BenchService } from './bench-mesh.ts'
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
  /** Of the aggregator at a quarter of the rows, at half of them and at the end; without the ids that it keeps. */
  readonly memoryMiB: readonly number[]
  readonly idsMiB: number
}

const watchEveryMs = 250

/**
 * From Kafka into empty tables of ClickHouse by the aggregator: validated, without repeats, three meters on. The events
 * wait in Kafka when it starts. Its start is left out until it is ready, as those of Kafka and ClickHouse are.
 */
export async function measureLandingRate(mesh: BenchMesh, events: number): Promise<LandingRate> {
  await produceEvents(mesh, events)
  await untilMergesRest(mesh)
  const aggregator = await mesh.start('aggregator')
  pinToCores([aggregator.pid], measuredCore)
  const cpu = readLandingCpu(mesh, aggregator)
  const startedAt = performance.now()
  const already = await countEvents(mesh)
  const memoryMiB: number[] = []
  for (const share of [0.25, 0.5, 1]) {
    await untilLanded(mesh, events * share)
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
    memoryMiB,
    idsMiB: await readIdsMiB(aggregator),
  }
  await aggregator.stop()
  return rate
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
