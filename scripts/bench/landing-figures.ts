import { count, readConfig, setting } from '@millrace/service-kit/config'
import type { BenchMesh } from './bench-mesh.ts'
import { fillEvents, type InsertRate, measureFullMerge, measureInsertRate } from './landing-clickhouse.ts'
import { type LandingRate, measureLandingRate } from './landing-rate.ts'
import { whileApart } from './pin-cores.ts'
import { registerBenchCatalog } from './register-catalog.ts'

const settings = {
  events: setting('EVENTS', count(4_000_000), 'How many land at a time.'),
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
  const [landing, rest, insert] = await onOneCore(mesh, async () => {
    const landed = await measureLandingRate(mesh, events)
    const merged = await measureFullMerge(mesh, 'millrace', events)
    return [landed, merged, await measureInsertRate(mesh, 'copy', events)] as const
  })
  printLanding(events, landing)
  printInsert(insert, landing, rest)
  if (rows <= events) return
  await fillEvents(mesh, rows - events)
  const [later, laterInsert] = await onOneCore(mesh, async () => {
    const landed = await measureLandingRate(mesh, events)
    return [landed, await measureInsertRate(mesh, 'copy', events)] as const
  })
  printLanding(rows, later)
  printGrowth(rows, { landing, insert }, { landing: later, insert: laterInsert })
}

interface Measured {
  readonly landing: LandingRate
  /** Into empty tables, a minute later. */
  readonly insert: InsertRate
}

/** Minutes apart the same work takes a quarter more or less on a machine that others share: so each beside its own INSERT. */
function printGrowth(rows: number, first: Measured, later: Measured): void {
  const each = ({ landing }: Measured): number => total(landing) - landing.takingUp
  const withoutMerges = (of: Measured): number => each(of) - of.landing.merges
  const line = (what: string, cost: (of: Measured) => number, alone: (of: Measured) => number): string => {
    const [then, now] = [cost(first) / alone(first), cost(later) / alone(later)]
    return `  ${what.padEnd(44)} ${ms(cost(first))}, ${ms(cost(later))}; beside the INSERT ${ratio(then, 1)}, ${ratio(now, 1)}: ${ratio(now, then)}`
  }
  console.log(`\
  ClickHouse, INSERT of the same rows          ${ms(later.insert.clickhouse)}, where it took ${ms(first.insert.clickhouse)} before
  an event among the first and among ${format(rows)}, ids read back left out (wanted: 0.9 to 1.1 ×)
${line('with the merges that came up', each, ({ insert }) => insert.clickhouse)}
${line('without merges', withoutMerges, ({ insert }) => insert.clickhouse - insert.merges)}`)
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

/** @param rest of merging what has landed into one part of each table */
function printInsert(insert: InsertRate, landing: LandingRate, rest: number): void {
  const { rowsPerSecond, clickhouse, merges } = insert
  const [mesh, alone] = [total(landing), clickhouse]
  console.log(`\
  ClickHouse, INSERT of the same rows          ${format(rowsPerSecond)} rows/s, CPU per 1,000: ${ms(alone)}; of it ${ms(merges)} merges
  what is left to be merged into one part      ${ms(rest)} after landing, ${ms(insert.rest)} after the INSERT
  the rate                                     ${ratio(landing.rowsPerSecond, rowsPerSecond)}
  the CPU, all of it                           ${ratio(mesh + rest, alone + insert.rest)} (wanted: at most 2)
  the CPU without any merges                   ${ratio(mesh - landing.merges, alone - merges)}
  the CPU with the merges that came up         ${ratio(mesh, alone)}`)
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
