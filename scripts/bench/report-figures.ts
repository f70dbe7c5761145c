import type { BenchMesh, BenchService } from './bench-mesh.ts'
import { formatCount, formatRatio } from './format.ts'
import type { PacedTimes } from './open-loop.ts'
import { fillRollups, registerReportMeters } from './report-catalog.ts'
import { measureColdTimes } from './report-cold.ts'
import { type LandingRates, measureWhileLanding } from './report-landing.ts'
import { measureWarmRates, type Rate, type WarmRates } from './report-rates.ts'

/** Reports: warm ones beside a bare route and ClickHouse, cold ones beside hand-written statements. */
export async function benchReports(mesh: BenchMesh): Promise<void> {
  const ingest = await mesh.start('ingest')
  const aggregator = await mesh.start('aggregator')
  const environment = { AGGREGATOR_ADDRESSES: aggregator.grpc }
  const query = await mesh.start('query', environment)
  await registerReportMeters(mesh, ingest, query)
  await fillRollups(mesh)
  await benchCold(mesh, await mesh.start('query', { ...environment, QUERY_CACHE_BYTES: '0' }))
  printWarm(await measureWarmRates(mesh, query))
  printLanding(await measureWhileLanding(mesh, ingest, query))
  for (const service of [query, aggregator, ingest]) await service.stop()
}

async function benchCold(mesh: BenchMesh, query: BenchService): Promise<void> {
  const { 'visits-1m': small, 'visits-20m': large } = await measureColdTimes(mesh, query)
  await query.stop()
  console.log(`
cold reports, six shapes over 30 days, one at a time
  query, 20 million events                     ${large.query.toFixed(1)} ms
  hand-written on the same rollups             ${large.handwritten.toFixed(1)} ms
  ratio                                        ${formatRatio(large.query, large.handwritten)} (wanted: at most 1.5)
${large.ratios.map((one) => `    ${one.shape.padEnd(42)} ${one.ratio.toFixed(2)} ×`).join('\n')}
  query, 1 million events                      ${small.query.toFixed(1)} ms, 20 million take ${formatRatio(large.query, small.query)} of it (wanted: 0.8 to 1.2)`)
}

function printWarm({ reports, clickhouse, bareFastify, query, ...times }: WarmRates): void {
  const { halfPerSecond, half, bareHalf } = times
  console.log(`
warm reports, ${reports} different ones by Zipf, 64 connections, each process on one core
  ClickHouse, the same by hand                 ${line(clickhouse)}
  bare Fastify route, the same bytes           ${line(bareFastify)}
  query                                        ${line(query)}
  ratio to ClickHouse                          ${formatRatio(query.perSecond, clickhouse.perSecond)} (wanted: at least 20)
  ratio to the bare route                      ${formatRatio(query.perSecond, bareFastify.perSecond)} (wanted: at least 0.4)
  at ${formatCount(halfPerSecond)} a second                      ${pacedLine(half)} (wanted: p99 below 20)
  the bare route at that rate                  ${pacedLine(bareHalf)}`)
}

function printLanding({ eventsPerSecond, past, now, hitShare }: LandingRates): void {
  console.log(`
the same while ${eventsPerSecond} events a second land in both meters
  reports that end before now                  ${line(past)}
  reports that include now                     ${line(now)}, ${(100 * hitShare).toFixed(1)} % from memory`)
}

function line({ perSecond, cpuPer1000 }: Rate): string {
  return `${formatCount(perSecond).padStart(7)} a second, ${(cpuPer1000 * 1_000).toFixed(1)} ms CPU per 1,000`
}

/** How late a request was sent is part of its answer's time, and no fault of the server. */
function pacedLine({ times, lateP99 }: PacedTimes): string {
  return `p50 ${times.p50.toFixed(1)} ms, p99 ${times.p99.toFixed(1)} ms, sent late by p99 ${lateP99.toFixed(1)} ms`
}
