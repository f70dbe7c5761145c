import { count, readConfig, setting } from '@millrace/service-kit/config'
import type { BenchMesh, BenchService } from './bench-mesh.ts'
import { formatCount, formatMs, formatRatio } from './format.ts'
import {
  emptyTables,
  exportEvents,
  insertFile,
  makeTables,
  readClickhouseCpu,
  untilMergesRest,
} from './landing-clickhouse.ts'
import { readLandingCpu, untilLanded } from './landing-rate.ts'
import { readServiceMetric, residentMiB } from './measure.ts'
import { whileApart } from './pin-cores.ts'
import { produceEvents } from './produce-events.ts'
import { registerBenchCatalog } from './register-catalog.ts'

const settings = {
  events: setting('EVENTS', count(20_000_000, 1_000_000), 'How many land in all.'),
}

/** They bring the compiler's work behind them, and are the rows of the INSERT. */
const firstEvents = 500_000
const slices = 10
/** Of the same rows after each slice: one takes a fifth more or less than the next. */
const inserts = 3
/** Of the slices: they are compared with as many at the end. Merges come in lumps, so not one with one. */
const compared = 3
const copy = 'copy'

/** Of one slice. CPU seconds per 1,000 rows. */
interface Slice {
  readonly aggregator: number
  /** Its merges included until they rest. */
  readonly clickhouse: number
  readonly merges: number
  /** ClickHouse's INSERTs of always the same rows into empty tables right after it, without merges: how fast the machine is now. */
  readonly insert: number
}

/**
 * What an event costs, and what memory the aggregator has, while one process lands 20 million of them. Their times go on,
 * and all ids are kept.
 */
export async function benchGrowth(mesh: BenchMesh): Promise<void> {
  const { events } = readConfig(settings, process.env)
  await registerBenchCatalog(mesh)
  await makeTables(mesh, copy)
  const aggregator = await mesh.start('aggregator')
  await whileApart(
    [...mesh.clickhouse.pids(), aggregator.pid],
    [process.pid, ...mesh.kafka.pids()],
    async () => {
      await produceEvents(mesh, firstEvents)
      await untilLanded(mesh, firstEvents)
      const file = await exportEvents(mesh)
      await untilMergesRest(mesh)
      console.log(
        `\nan event's cost while ${formatCount(events)} land: CPU per 1,000, and beside an INSERT without merges in the same minute`,
      )
      const measured: Slice[] = []
      const rows = Math.round((events - firstEvents) / slices)
      for (let from = firstEvents; measured.length < slices; from += rows) {
        const landed = await landSlice(mesh, aggregator, from, rows)
        const slice = { ...landed, insert: await measureInsert(mesh, file) }
        measured.push(slice)
        console.log(`${describeSlice(from + rows, slice)}; ${await describeMemory(aggregator)}`)
      }
      printGrowth(measured)
    },
  )
  await aggregator.stop()
}

async function landSlice(
  mesh: BenchMesh,
  aggregator: BenchService,
  from: number,
  rows: number,
): Promise<Omit<Slice, 'insert'>> {
  const before = readLandingCpu(mesh, aggregator)
  await produceEvents(mesh, rows, from)
  await untilLanded(mesh, from + rows)
  await untilMergesRest(mesh)
  const after = readLandingCpu(mesh, aggregator)
  const each = (of: keyof typeof after): number => (after[of] - before[of]) / (rows / 1_000)
  return { aggregator: each('aggregator'), clickhouse: each('clickhouse'), merges: each('merges') }
}

async function measureInsert(mesh: BenchMesh, file: string): Promise<number> {
  let used = 0
  for (let insert = 0; insert < inserts; insert += 1) {
    const before = readClickhouseCpu(mesh)
    await insertFile(mesh, copy, file, firstEvents)
    const after = readClickhouseCpu(mesh)
    used += after.clickhouse - before.clickhouse - (after.merges - before.merges)
    await emptyTables(mesh, copy)
    await untilMergesRest(mesh)
  }
  return used / ((inserts * firstEvents) / 1_000)
}

function describeSlice(landed: number, slice: Slice): string {
  const { merges, insert } = slice
  const all = total(slice)
  return `  until ${formatCount(landed).padStart(10)}  ${formatMs(all)}, of it ${formatMs(merges)} merges; ${formatRatio(all, insert)}, ${formatRatio(all - merges, insert)} without them`
}

/** Ids grow with what has landed; the rest should not. */
async function describeMemory({ pid, operationsPort }: BenchService): Promise<string> {
  const mib = async (metric: string): Promise<number> =>
    Math.round((await readServiceMetric(operationsPort, metric)) / 2 ** 20)
  const ids = await mib('millrace_aggregator_seen_ids_bytes')
  const heap = await mib('nodejs_heap_size_used_bytes')
  const cells = await readServiceMetric(operationsPort, 'millrace_aggregator_live_cells')
  return `${residentMiB(pid) - ids} MiB and ${ids} MiB of ids; of it heap ${heap} MiB, ${formatCount(cells)} cells of the live view`
}

function printGrowth(measured: readonly Slice[]): void {
  const line = (what: string, cost: (slice: Slice) => number): void => {
    const mean = (of: readonly Slice[]): number => of.reduce((sum, slice) => sum + cost(slice), 0) / of.length
    const [then, now] = [mean(measured.slice(0, compared)), mean(measured.slice(-compared))]
    console.log(`  ${what.padEnd(44)} ${then.toFixed(2)}, ${now.toFixed(2)}: ${formatRatio(now, then)}`)
  }
  console.log(`  the last ${compared} beside the first ${compared} (wanted: 0.9 to 1.1 ×)`)
  line('with merges, × the INSERT', (of) => total(of) / of.insert)
  line('with merges, ms', (of) => total(of) * 1_000)
  line('without, × the INSERT', (of) => (total(of) - of.merges) / of.insert)
  line('without, ms', (of) => (total(of) - of.merges) * 1_000)
}

function total({ aggregator, clickhouse }: Slice): number {
  return aggregator + clickhouse
}
