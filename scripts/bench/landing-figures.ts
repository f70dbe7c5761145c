import { count, readConfig, setting } from '@millrace/service-kit/config'
import type { BenchMesh } from './bench-mesh.ts'
import { fillEvents, type InsertRate, measureInsertRate } from './landing-clickhouse.ts'
import { type LandingRate, measureLandingRate } from './landing-rate.ts'
import { whileApart } from './pin-cores.ts'
import { registerBenchCatalog } from './register-catalog.ts'

const settings = {
  events: setting('EVENTS', count(1_000_000), 'How many land at a time.'),
  rows: setting('ROWS', count(0, 0), 'How many are in the tables the second time.'),
}
const { events, rows } = readConfig(settings, process.env)

/**
 * The aggregator's landing rate beside ClickHouse's own INSERT of the same rows, and, with ROWS=20000000, once more
 * until there are so many in the tables. EVENTS: how many land at a time.
 */
export async function benchLanding(mesh: BenchMesh): Promise<void> {
  await registerBenchCatalog(mesh)
  // It makes the topics, with the partitions that the producer counts on, and the tables.
  await (await mesh.start('aggregator')).stop()
  const [landing, insert] = await onOneCore(mesh, async () => {
    const landed = await measureLandingRate(mesh, events)
    return [landed, await measureInsertRate(mesh, 'copy', events)] as const
  })
  printLanding(events, landing)
  printInsert(insert, landing)
  if (rows <= events) return
  await fillEvents(mesh, rows - events)
  const later = await onOneCore(mesh, () => measureLandingRate(mesh, events))
  printLanding(rows, later)
  const each = (of: LandingRate): number => total(of) - of.takingUp
  const withoutMerges = (of: LandingRate): number => each(of) - of.merges
  console.log(`\
  an event among ${format(rows)} and among the first, ids read back left out  ${ms(each(later))} and ${ms(each(landing))}, ${ratio(each(later), each(landing))} (wanted: 0.9 to 1.1)
  the same without merges                      ${ms(withoutMerges(later))} and ${ms(withoutMerges(landing))}, ${ratio(withoutMerges(later), withoutMerges(landing))}`)
}

/** The aggregator is pinned to the measured core where it starts. */
function onOneCore<Result>(mesh: BenchMesh, measure: () => Promise<Result>): Promise<Result> {
  return whileApart(mesh.clickhouse.pids(), [process.pid, ...mesh.kafka.pids()], measure)
}

function printLanding(rows: number, landing: LandingRate): void {
  const { aggregator, clickhouse, merges, takingUp, memoryMiB, idsMiB } = landing
  console.log(`
landing ${format(events)} rows, until there are ${format(rows)}: validated, repeats checked, three meters
  aggregator, Kafka to ClickHouse              ${format(landing.rowsPerSecond)} rows/s, CPU per 1,000: ${ms(aggregator)} aggregator + ${ms(clickhouse)} ClickHouse = ${ms(total(landing))}; of it ${ms(merges)} merges, ${ms(takingUp)} ids read back
  aggregator's memory                          ${memoryMiB.map((mib) => `${mib} MiB`).join(', ')} after a quarter, a half and all, and ${idsMiB} MiB of ids`)
}

function printInsert(insert: InsertRate, landing: LandingRate): void {
  console.log(`\
  ClickHouse, INSERT of the same rows          ${format(insert.rowsPerSecond)} rows/s, CPU per 1,000: ${ms(insert.clickhouse)}
  ratio                                        ${ratio(landing.rowsPerSecond, insert.rowsPerSecond)} the rate, ${ratio(total(landing), insert.clickhouse)} the CPU (wanted: at most 2)`)
}

function total({ aggregator, clickhouse }: LandingRate): number {
  return aggregator + clickhouse
}

function format(count: number): string {
  return Math.round(count).toLocaleString('en')
}

function ms(seconds: number): string {
  return `${(seconds * 1_000).toFixed(1)} ms`
}

function ratio(value: number, other: number): string {
  return `${(value / other).toFixed(2)} ×`
}
