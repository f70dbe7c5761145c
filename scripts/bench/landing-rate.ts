import { createReadStream, createWriteStream } from 'node:fs'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { waitUntil } from '../local-stack/wait-until.ts'
import type { BenchMesh } from './bench-mesh.ts'
import { processCpuSeconds } from './measure.ts'
import { produceEvents } from './produce-events.ts'

const events = 1_000_000
const copy = 'millrace_copy'

interface Rate {
  readonly rowsPerSecond: number
  /** CPU seconds per 1,000 rows; NaN where they cannot be read. */
  readonly cpuPer1000: number
}

export interface LandingRate {
  readonly rows: number
  /** From Kafka into ClickHouse by the aggregator: validated, without repeats, three meters on. */
  readonly aggregator: Rate
  /** ClickHouse inserting the same rows from a file into the same tables and views. */
  readonly insert: Rate
}

/** The aggregator's landing rate beside ClickHouse's own INSERT of the same rows. */
export async function measureLandingRate(mesh: BenchMesh): Promise<LandingRate> {
  // Each creates its database's tables; the copy's own topics stay empty.
  await (await mesh.start('aggregator', { CLICKHOUSE_DATABASE: copy, KAFKA_TOPIC_PREFIX: 'copy-' })).stop()
  const aggregator = await mesh.start('aggregator')
  const stores = () => processCpuSeconds(mesh.clickhouse.pids())
  const before = { count: await count(mesh), startedAt: 0, cpu: 0 }
  await aggregator.stop()
  await produceEvents(mesh, events)
  const landing = await mesh.start('aggregator')
  before.startedAt = performance.now()
  before.cpu = stores()
  const already = (await count(mesh)) - before.count
  await waitUntil(async () => (await count(mesh)) >= before.count + events, {
    timeoutMs: 600_000,
    everyMs: 50,
    what: `${events} rows landed`,
  })
  const landed = rate(
    events - already,
    before.startedAt,
    stores() - before.cpu + processCpuSeconds([landing.pid]),
  )
  await landing.stop()
  return { rows: events, aggregator: landed, insert: await insertFromFile(mesh) }
}

async function insertFromFile(mesh: BenchMesh): Promise<Rate> {
  const file = join(mesh.directory, 'rows.native')
  const url = (query: string): string => `${mesh.clickhouse.url}/?query=${encodeURIComponent(query)}`
  const exported = await fetch(url('SELECT * FROM millrace.events FORMAT Native'))
  if (!exported.ok || exported.body === null) throw new Error(await exported.text())
  await pipeline(Readable.fromWeb(exported.body as never), createWriteStream(file))
  const rows = await count(mesh)
  const startedAt = performance.now()
  const cpu = processCpuSeconds(mesh.clickhouse.pids())
  const inserted = await fetch(url(`INSERT INTO ${copy}.events FORMAT Native`), {
    method: 'POST',
    body: Readable.toWeb(createReadStream(file)) as never,
    duplex: 'half',
  } as RequestInit)
  if (!inserted.ok) throw new Error(await inserted.text())
  return rate(rows, startedAt, processCpuSeconds(mesh.clickhouse.pids()) - cpu)
}

async function count(mesh: BenchMesh): Promise<number> {
  const response = await fetch(mesh.clickhouse.url, {
    method: 'POST',
    body: 'SELECT count() FROM millrace.events',
  })
  if (!response.ok) throw new Error(await response.text())
  return Number(await response.text())
}

function rate(rows: number, startedAt: number, cpuSeconds: number): Rate {
  return {
    rowsPerSecond: rows / ((performance.now() - startedAt) / 1_000),
    cpuPer1000: cpuSeconds / (rows / 1_000),
  }
}
