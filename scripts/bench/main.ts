// First figures of speed, each as a ratio to something run beside it in the same minutes.
import { cpus } from 'node:os'
import { startBenchMesh } from './bench-mesh.ts'
import { measureIngestCost } from './ingest-cost.ts'
import { measureLandingRate } from './landing-rate.ts'
import { registerBenchCatalog } from './register-catalog.ts'

const mesh = await startBenchMesh()
try {
  console.log(`${cpus().length} × ${cpus()[0]?.model ?? 'unknown processor'}, Node ${process.version}`)
  const ingest = await measureIngestCost(mesh)
  const ms = (seconds: number): string => `${(seconds * 1_000).toFixed(1)} ms`
  const ratio = (value: number, other: number): string => `${(value / other).toFixed(2)} ×`
  const { bareFastify, nativeProducer, ingestSingle, ingestBatch } = ingest
  console.log(`
ingest, CPU per 1,000 events of about 300 bytes
  bare Fastify route, parses and validates     ${ms(bareFastify)}
  native producer alone                        ${ms(nativeProducer)}
  ingest, one event a request                  ${ms(ingestSingle)}   ${ratio(ingestSingle, bareFastify)} the bare route   ${ratio(ingestSingle, nativeProducer)} the producer   ${ratio(ingestSingle, bareFastify + nativeProducer)} both
  ingest, 100 events a request                 ${ms(ingestBatch)}   ${ratio(ingestBatch, bareFastify)} the bare route   ${ratio(ingestBatch, nativeProducer)} the producer   ${ratio(ingestBatch, bareFastify + nativeProducer)} both`)
  await registerBenchCatalog(mesh)
  const { rows, aggregator, insert } = await measureLandingRate(mesh)
  console.log(`
landing ${rows.toLocaleString('en')} rows: validated, repeats checked, three meters
  aggregator, Kafka to ClickHouse              ${Math.round(aggregator.rowsPerSecond).toLocaleString('en')} rows/s, ${ms(aggregator.cpuPer1000)} CPU per 1,000 (aggregator and ClickHouse)
  ClickHouse, INSERT of the same rows          ${Math.round(insert.rowsPerSecond).toLocaleString('en')} rows/s, ${ms(insert.cpuPer1000)} CPU per 1,000
  ratio                                        ${ratio(aggregator.rowsPerSecond, insert.rowsPerSecond)} the rate, ${ratio(aggregator.cpuPer1000, insert.cpuPer1000)} the CPU`)
} finally {
  await mesh.stop()
}
