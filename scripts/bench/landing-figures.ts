import { count, readConfig, setting } from '@millrace/service-kit/config'
import type { BenchMesh } from './bench-mesh.ts'
import { formatCount, formatMs, formatRatio } from './format.ts'
import { type InsertRate, measureFullMerge, measureInsertRate } from './landing-clickhouse.ts'
import { type LandingRate, measureLandingRate } from './landing-rate.ts'
import { whileApart } from './pin-cores.ts'
import { registerBenchCatalog } from './register-catalog.ts'

const settings = {
  events: setting('EVENTS', count(4_000_000), 'How many land.'),
}

/** The aggregator's landing rate beside ClickHouse's own INSERT of the same rows. */
export async function benchLanding(mesh: BenchMesh): Promise<void> {
  const { events } = readConfig(settings, process.env)
  await registerBenchCatalog(mesh)
  // It makes the topics, with the partitions that the producer counts on, and the tables.
  await (await mesh.start('aggregator')).stop()
  const [landing, rest, insert] = await onOneCore(mesh, async () => {
    const landed = await measureLandingRate(mesh, events)
    const merged = await measureFullMerge(mesh, 'millrace', events)
    return [landed, merged, await measureInsertRate(mesh, 'copy', events)] as const
  })
  printLanding(events, landing)
  printInsert(insert, landing, rest)
}

/** The aggregator is pinned to the measured core where it starts. */
function onOneCore<Result>(mesh: BenchMesh, measure: () => Promise<Result>): Promise<Result> {
  return whileApart(mesh.clickhouse.pids(), [process.pid, ...mesh.kafka.pids()], measure)
}

function printLanding(events: number, landing: LandingRate): void {
  const { aggregator, clickhouse, merges, memoryMiB, idsMiB } = landing
  console.log(`
landing ${formatCount(events)} rows: validated, repeats checked, three meters
  aggregator, Kafka to ClickHouse              ${formatCount(landing.rowsPerSecond)} rows/s, CPU per 1,000: ${formatMs(aggregator)} aggregator + ${formatMs(clickhouse)} ClickHouse = ${formatMs(total(landing))}; of it ${formatMs(merges)} merges
  aggregator's memory                          ${memoryMiB.map((mib) => `${mib} MiB`).join(', ')} after a quarter, a half and all, and ${idsMiB} MiB of ids`)
}

/** @param rest of merging what has landed into one part of each table */
function printInsert(insert: InsertRate, landing: LandingRate, rest: number): void {
  const { rowsPerSecond, clickhouse, merges } = insert
  const [mesh, alone] = [total(landing), clickhouse]
  console.log(`\
  ClickHouse, INSERT of the same rows          ${formatCount(rowsPerSecond)} rows/s, CPU per 1,000: ${formatMs(alone)}; of it ${formatMs(merges)} merges
  what is left to be merged into one part      ${formatMs(rest)} after landing, ${formatMs(insert.rest)} after the INSERT
  the rate                                     ${formatRatio(landing.rowsPerSecond, rowsPerSecond)}
  the CPU, all of it                           ${formatRatio(mesh + rest, alone + insert.rest)} (wanted: at most 2)
  the CPU without any merges                   ${formatRatio(mesh - landing.merges, alone - merges)}
  the CPU with the merges that came up         ${formatRatio(mesh, alone)}`)
}

function total({ aggregator, clickhouse }: LandingRate): number {
  return aggregator + clickhouse
}
