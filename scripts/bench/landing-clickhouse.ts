import { createReadStream, createWriteStream } from 'node:fs'
import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { setTimeout as sleep } from 'node:timers/promises'
import type { BenchMesh } from './bench-mesh.ts'
import { processCpuSeconds, threadCpuSeconds } from './measure.ts'

export interface InsertRate {
  readonly rowsPerSecond: number
  /** CPU seconds per 1,000 rows, their merges included until these rest; NaN where they cannot be read. */
  readonly clickhouse: number
  /** Of it: by the threads that merge. */
  readonly merges: number
  /** On top of it, until each table is one part. */
  readonly rest: number
}

/** CPU seconds so far. */
export interface ClickhouseCpu {
  readonly clickhouse: number
  /** Of it: by the threads that merge. */
  readonly merges: number
}

export function readClickhouseCpu(mesh: BenchMesh): ClickhouseCpu {
  const pids = mesh.clickhouse.pids()
  return { clickhouse: processCpuSeconds(pids), merges: threadCpuSeconds(pids, 'MergeMutate') }
}

/** Statements that do not return before they are done. */
export async function askClickhouse(mesh: BenchMesh, query: string): Promise<string> {
  const response = await fetch(mesh.clickhouse.url, { method: 'POST', body: query })
  const text = await response.text()
  if (!response.ok) throw new Error(text)
  return text.trim()
}

/** Merges cost what inserts left undone, so whatever is measured ends with them. */
export async function untilMergesRest(mesh: BenchMesh): Promise<void> {
  for (let looks = 0; looks < 8; ) {
    looks = (await askClickhouse(mesh, 'SELECT count() FROM system.merges')) === '0' ? looks + 1 : 0
    await sleep(250)
  }
}

const merged = 'merged'
const tables = ['events', 'meter_minutes', 'meter_hours', 'meter_days']

/**
 * Which merges fall into what is measured is chance, and a single INSERT leaves nearly all of its merging for later: only
 * where every row has ended in the one part of its partition has all been paid. Of tables with the same parts, which are
 * linked and not copied, so that those that were measured stay as they are.
 * @returns CPU seconds of ClickHouse per 1,000 rows
 */
export async function measureFullMerge(mesh: BenchMesh, database: string, rows: number): Promise<number> {
  await askClickhouse(mesh, `CREATE DATABASE ${merged}`)
  const { clickhouse: before } = readClickhouseCpu(mesh)
  for (const table of tables) {
    await askClickhouse(mesh, `CREATE TABLE ${merged}.${table} AS ${database}.${table}`)
    await askClickhouse(mesh, `ALTER TABLE ${merged}.${table} ATTACH PARTITION ALL FROM ${database}.${table}`)
    await askClickhouse(
      mesh,
      `OPTIMIZE TABLE ${merged}.${table} FINAL SETTINGS optimize_skip_merged_partitions = 1`,
    )
  }
  const left = await askClickhouse(
    mesh,
    `SELECT count() - uniqExact(table, partition) FROM system.parts WHERE active AND database = '${merged}'`,
  )
  if (left !== '0') throw new Error(`${left} parts were not merged`)
  const used = readClickhouseCpu(mesh).clickhouse - before
  await askClickhouse(mesh, `DROP DATABASE ${merged} SYNC`)
  return used / (rows / 1_000)
}

/**
 * ClickHouse by itself: one INSERT, as it is by default, of the rows that have landed, from a file in its own
 * format, into a database of the same tables and views.
 */
export async function measureInsertRate(mesh: BenchMesh, copy: string, rows: number): Promise<InsertRate> {
  await makeTables(mesh, copy)
  const file = await exportEvents(mesh)
  await untilMergesRest(mesh)
  const before = readClickhouseCpu(mesh)
  const startedAt = performance.now()
  await insertFile(mesh, copy, file, rows)
  const seconds = (performance.now() - startedAt) / 1_000
  await untilMergesRest(mesh)
  const after = readClickhouseCpu(mesh)
  const rest = await measureFullMerge(mesh, copy, rows)
  await askClickhouse(mesh, `DROP DATABASE ${copy} SYNC`)
  await rm(file)
  return {
    rowsPerSecond: rows / seconds,
    clickhouse: (after.clickhouse - before.clickhouse) / (rows / 1_000),
    merges: (after.merges - before.merges) / (rows / 1_000),
    rest,
  }
}

/** A database of the same tables and views. The aggregator makes them; topics of its own, so that nothing lands in them. */
export async function makeTables(mesh: BenchMesh, database: string): Promise<void> {
  const environment = { CLICKHOUSE_DATABASE: database, KAFKA_TOPIC_PREFIX: `${database}-` }
  await (await mesh.start('aggregator', environment)).stop()
}

/** @returns the file with the rows that have landed, in ClickHouse's own format */
export async function exportEvents(mesh: BenchMesh): Promise<string> {
  const file = join(mesh.directory, 'rows.native')
  const query = encodeURIComponent('SELECT * FROM millrace.events FORMAT Native')
  const exported = await fetch(`${mesh.clickhouse.url}/?query=${query}`)
  if (!exported.ok || exported.body === null) throw new Error(await exported.text())
  await pipeline(Readable.fromWeb(exported.body as never), createWriteStream(file))
  return file
}

export async function insertFile(
  mesh: BenchMesh,
  database: string,
  file: string,
  rows: number,
): Promise<void> {
  const query = encodeURIComponent(`INSERT INTO ${database}.events FORMAT Native`)
  const inserted = await fetch(`${mesh.clickhouse.url}/?query=${query}`, {
    method: 'POST',
    body: Readable.toWeb(createReadStream(file)) as never,
    duplex: 'half',
  } as RequestInit)
  if (!inserted.ok) throw new Error(await inserted.text())
  const found = Number(await askClickhouse(mesh, `SELECT count() FROM ${database}.events`))
  if (found !== rows) throw new Error(`${found} rows were inserted instead of ${rows}`)
}

/** What has landed in them is forgotten too: it can be inserted again. */
export async function emptyTables(mesh: BenchMesh, database: string): Promise<void> {
  for (const table of tables) await askClickhouse(mesh, `TRUNCATE TABLE ${database}.${table} SYNC`)
}
